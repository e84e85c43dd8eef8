package mailtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
	"text/template"
	"time"
)

// config is what the servers' files are made from.
type config struct {
	// Postfix and Dovecot are the servers' directories.
	Postfix, Dovecot, Password, Domains, Gone string
	Account                                   []string
	SMTP, Submission, IMAP, IMAPS, LMTP, Auth int
}

var mainCF = template.Must(template.New("main.cf").Parse(`compatibility_level = 3.6
queue_directory = {{.Postfix}}/queue
data_directory = {{.Postfix}}/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = /dev/stdout
myhostname = mx.dealer.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
recipient_delimiter = +
virtual_mailbox_domains = {{.Domains}}
virtual_mailbox_maps = inline:{ {{range $i, $a := .Account}}{{if $i}}, {{end}}{ {{$a}} = x }{{end}} }
virtual_transport = lmtp:inet:127.0.0.1:{{.LMTP}}
relay_domains = {{.Gone}}
transport_maps = inline:{ { {{.Gone}} = error:5.1.1 no such person here } }
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = permit
smtpd_tls_cert_file = {{.Postfix}}/cert.pem
smtpd_tls_key_file = {{.Postfix}}/key.pem
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{{.Auth}}
smtpd_client_connection_rate_limit = 0
smtpd_reject_unlisted_recipient = no
smtpd_error_sleep_time = 0
smtpd_peername_lookup = no
smtp_host_lookup = native
disable_dns_lookups = yes
`))

var masterCF = template.Must(template.New("master.cf").Parse(`127.0.0.1:{{.SMTP}} inet n - n - - smtpd
127.0.0.1:{{.Submission}} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_tls_auth_only=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o mynetworks=192.0.2.1/32
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`))

var dovecotConf = template.Must(template.New("dovecot.conf").Parse(`base_dir = {{.Dovecot}}/run
state_dir = {{.Dovecot}}/run
log_path = /dev/stderr
protocols = imap lmtp
listen = 127.0.0.1
ssl = required
ssl_cert = <{{.Dovecot}}/cert.pem
ssl_key = <{{.Dovecot}}/key.pem
auth_mechanisms = plain login
auth_failure_delay = 0
auth_username_format = %Lu
recipient_delimiter = +
lmtp_hdr_delivery_address = original
mail_location = maildir:{{.Dovecot}}/mail/%u
mailbox_idle_check_interval = 1s
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {{.Dovecot}}/users
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home={{.Dovecot}}/mail/%u
}
service imap-login {
  inet_listener imap {
    port = {{.IMAP}}
  }
  inet_listener imaps {
    port = {{.IMAPS}}
    ssl = yes
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = {{.LMTP}}
  }
}
service auth {
  inet_listener {
    address = 127.0.0.1
    port = {{.Auth}}
  }
}
`))

var users = template.Must(template.New("users").Parse(`{{range .Account}}{{.}}:{PLAIN}{{$.Password}}::::::
{{end}}`))

// write makes directories, certificate and configuration files, and gives the
// pool that trusts the certificate.
func (c config) write(t testing.TB) *x509.CertPool {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for dir, owner := range map[string]string{
		filepath.Join(c.Postfix, "queue"): "root", filepath.Join(c.Postfix, "data"): "postfix",
		filepath.Join(c.Dovecot, "run"): "root", filepath.Join(c.Dovecot, "mail"): "nobody",
	} {
		must(os.Mkdir(dir, 0o755))
		must(os.Chown(dir, uid(t, owner), -1))
	}
	cert, key, err := certificate()
	must(err)
	for _, home := range []string{c.Postfix, c.Dovecot} {
		must(os.WriteFile(filepath.Join(home, "cert.pem"), cert, 0o644))
		must(os.WriteFile(filepath.Join(home, "key.pem"), key, 0o600))
	}
	for file, tmpl := range map[string]*template.Template{
		filepath.Join(c.Postfix, "main.cf"): mainCF, filepath.Join(c.Postfix, "master.cf"): masterCF,
		filepath.Join(c.Dovecot, "dovecot.conf"): dovecotConf, filepath.Join(c.Dovecot, "users"): users,
	} {
		var b bytes.Buffer
		must(tmpl.Execute(&b, c))
		must(os.WriteFile(file, b.Bytes(), 0o644))
	}
	pool, err := trusted(cert)
	must(err)
	return pool
}

func uid(t testing.TB, name string) int {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	id, err := strconv.Atoi(u.Uid)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// certificate is self-signed, for loopback, good for a day.
func certificate() (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "mx.dealer.test"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		DNSNames: []string{"localhost", "mx.dealer.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	certPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	return certPEM, keyPEM, nil
}
