// Runs telegram-test-api (MIT) as the Bot API and plays a person in its client.
//
//   node peer.js MODULE_DIR PORT TOKEN
//
// Prints {"ready":true} when it listens. Each line on stdin is one thing that the
// person does, {"do":"say|command|tap|read|history","text":…,"message":…}; the answer to
// each is one line on stdout. Ends with stdin.
'use strict';

const readline = require('readline');

const [moduleDir, port, token] = process.argv.slice(2);
const TelegramServer = require(moduleDir);
const server = new TelegramServer({ port: Number(port), host: '127.0.0.1' });
const person = server.getClient(token, { userId: 1001, chatId: 1001, firstName: 'Иван', timeout: 20000, interval: 5 });

const deeds = {
  say: (d) => person.sendMessage(person.makeMessage(d.text)),
  command: (d) => person.sendCommand(person.makeCommand(d.text)),
  tap: (d) => person.sendCallback(person.makeCallbackQuery(d.text, { message: { message_id: d.message } })),
  read: () => person.getUpdates(),
  history: () => person.getUpdatesHistory(),
};

const print = (value) => process.stdout.write(JSON.stringify(value) + '\n');

(async () => {
  await server.start();
  print({ ready: true });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const deed = JSON.parse(line);
    try {
      print({ result: await deeds[deed.do](deed) });
    } catch (error) {
      print({ error: String(error) });
    }
  }
  process.exit(0);
})();
