// Writes segments.json: what npm sms-segments-calculator 1.3.0 (MIT, by Twilio)
// says of a set of texts. Run it where that package is installed:
//   cd .ci/peers && NODE_PATH=../../.cache/peers/node_modules node ../../channels/sms/testdata/segments.js
const { SegmentedMessage } = require("sms-segments-calculator");
const rep = (s, n) => s.repeat(n);
const texts = [];
const add = (s) => texts.push(s);
add("");
add("OK");
for (const n of [1, 159, 160, 161, 305, 306, 307, 459, 460, 1600]) add(rep("a", n));
for (const n of [1, 69, 70, 71, 133, 134, 135, 201, 202, 800]) { add(rep("я", n)); add(rep("好", n)); }
for (const c of ["€", "^", "{", "}", "[", "]", "~", "\\", "|", "\f"]) { add(c); add(rep(c, 80)); add(rep(c, 81)); add(rep("a", 159) + c); add(rep("a", 152) + c + rep("a", 10)); add(rep("a", 152) + c + rep("a", 151)); add(rep("a", 152) + c + rep("a", 152)); }
for (const n of [1, 34, 35, 36, 66, 67, 68, 99, 100, 101]) { add(rep("😀", n)); add("я" + rep("😀", n)); }
add(rep("я", 66) + "😀" + rep("я", 10)); add(rep("я", 66) + "😀" + rep("я", 66)); add(rep("я", 66) + "😀" + rep("я", 65));
add(rep("a", 100) + "’" + rep("a", 10)); add("— тире"); add("naïve café"); add("ñandú ¿qué? ¡sí!"); add("ΔΦΓΛΩΠΨΣΘΞ");
add("Привет, Анна Сергеевна! Как прошёл визит в сервис 22 ноября? Ответьте цифрой от 1 до 5.");
add("Hello Ann! How was your visit on 22 November? Reply with a digit from 1 to 5. Details: https://dealer.example/s/abc_DEF-123");
add("您好！您对本次服务满意吗？请回复1到5的数字。退订回R");
add("line one\nline two\rthree"); add("tab\tis not GSM"); add("back`tick"); add("@£$¥èéùìòÇØøÅå_ÆæßÉ!\"#¤%&'()*+,-./:;<=>?§äöüàÄÖÜ");
for (let cp = 0x20; cp < 0x180; cp++) add(String.fromCharCode(cp));
for (const c of "ΑΒΕΖ€₽№«»…“”„•") add(c);
const rows = texts.map((text) => { const m = new SegmentedMessage(text); return { text, segments: m.segmentsCount, encoding: m.encodingName }; });
process.stdout.write("[\n" + rows.map((r) => JSON.stringify(r)).join(",\n") + "\n]\n");
