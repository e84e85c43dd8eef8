// Package mailtest runs a real mail system for tests: Debian's postfix and
// dovecot in directories and on ports of their own, with TLS, logins, mailboxes
// and a domain whose mail bounces.
//
// It owns their configuration and nothing of ours: what it says about a mail
// comes from servers that we did not write. It needs root, as postfix does. Only
// tests call it.
package mailtest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"otklik/internal/testserver"
)

// Domains of the mail system. Addresses of the first two exist when they are in
// Accounts, with any +detail behind the local part. Mail to the last two is
// taken and then returned: permanently, or after postfix has said that it waits.
const (
	DealerDomain = "dealer.test"
	ClientDomain = "client.test"
	GoneDomain   = "gone.test"
)

// Accounts that exist, all with Password.
const (
	Service  = "service@" + DealerDomain
	Anna     = "anna@" + ClientDomain
	Password = "Пароль s3cret/word" // not ASCII, with what a URL must escape
)

// Server is a running mail system.
type Server struct {
	// SMTPURL is the submission port of Service: STARTTLS and a login.
	SMTPURL string
	// IMAPURL is Service's mailbox by TLS from the first byte.
	IMAPURL string
	// TLS trusts the servers' certificate; CAFile is its PEM file, for
	// SSL_CERT_FILE of a process.
	TLS    *tls.Config
	CAFile string

	mail  string
	inbox string // host:port that takes mail from strangers
	imaps int
}

// Start runs the mail system until the test ends. It skips the test, or fails it
// on CI, where postfix and dovecot are not installed or the user is not root.
func Start(t testing.TB) *Server {
	t.Helper()
	postfix, dovecot := testserver.NeedBinary(t, "postfix"), testserver.NeedBinary(t, "dovecot")
	if os.Geteuid() != 0 {
		t.Skip("postfix must be started by root")
	}
	c := config{
		Postfix: rootDir(t), Dovecot: rootDir(t),
		Account: []string{Service, Anna}, Password: Password, Gone: GoneDomain, Domains: DealerDomain + ", " + ClientDomain,
	}
	for _, port := range []*int{&c.SMTP, &c.Submission, &c.IMAP, &c.IMAPS, &c.LMTP, &c.Auth} {
		*port = testserver.FreePort(t)
	}
	pool := c.write(t)
	s := &Server{
		SMTPURL: link("smtp", Service, c.Submission, ""),
		IMAPURL: link("imaps", Service, c.IMAPS, "/INBOX"),
		TLS:     &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		CAFile:  filepath.Join(c.Postfix, "cert.pem"),
		mail:    filepath.Join(c.Dovecot, "mail"), inbox: address(c.SMTP), imaps: c.IMAPS,
	}
	testserver.Start(t, testserver.Program{
		Args: []string{dovecot, "-F", "-c", filepath.Join(c.Dovecot, "dovecot.conf")}, Home: c.Dovecot, Root: true,
	}, func() bool { return greets(c.IMAP, "* OK") && greets(c.LMTP, "220") && listens(c.Auth) })
	testserver.Start(t, testserver.Program{
		Args: []string{"/bin/sh", "-c", foreground, postfix, c.Postfix}, Home: c.Postfix, Root: true,
	}, func() bool { return greets(c.SMTP, "220") && greets(c.Submission, "220") })
	return s
}

// foreground runs postfix until told to end. Its own start-fg keeps running when
// the shell that it is gets a signal.
const foreground = `trap '"$0" -c "$1" stop' TERM
"$0" -c "$1" start-fg &
wait $!
wait $!`

// rootDir is a directory that root owns, as postfix demands, and all may enter.
func rootDir(t testing.TB) string {
	t.Helper()
	dir := testserver.Dir(t)
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chown(dir, 0, 0)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// IMAPURLOf is the mailbox of an account.
func (s *Server) IMAPURLOf(account string) string { return link("imaps", account, s.imaps, "/INBOX") }

func link(scheme, account string, port int, path string) string {
	u := url.URL{Scheme: scheme, User: url.UserPassword(account, Password), Host: address(port), Path: path}
	return u.String()
}

// Deliver hands a raw mail to postfix as a stranger's server would.
func (s *Server) Deliver(t testing.TB, from, to string, raw []byte) {
	t.Helper()
	if err := smtp.SendMail(s.inbox, nil, from, []string{to}, bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n"))); err != nil {
		t.Fatalf("delivering a mail: %v", err)
	}
}

// Mailbox gives the raw mails of an account, the oldest first, from dovecot's
// files: it does not depend on any IMAP client.
func (s *Server) Mailbox(t testing.TB, account string) [][]byte {
	t.Helper()
	files := s.files(t, account)
	mails := make([][]byte, 0, len(files))
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		mails = append(mails, raw)
	}
	return mails
}

// Unread counts the mails of an account that nobody has marked read.
func (s *Server) Unread(t testing.TB, account string) int {
	t.Helper()
	n := 0
	for _, f := range s.files(t, account) {
		if _, flags, _ := strings.Cut(filepath.Base(f), ":2,"); !strings.Contains(flags, "S") {
			n++
		}
	}
	return n
}

// files are the mails of an account in a maildir, the oldest first.
func (s *Server) files(t testing.TB, account string) []string {
	t.Helper()
	var files []string
	for _, folder := range []string{"new", "cur"} {
		found, err := filepath.Glob(filepath.Join(s.mail, account, folder, "*"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	sort.Slice(files, func(i, j int) bool { return stored(files[i]).Before(stored(files[j])) })
	return files
}

// stored is when dovecot stored a mail, from the name of its file: 1764341304.M36600P84.mx.
// The microseconds have no leading zeros, so names do not sort by age.
func stored(file string) time.Time {
	var sec, micro int64
	if _, err := fmt.Sscanf(filepath.Base(file), "%d.M%dP", &sec, &micro); err != nil {
		panic(fmt.Sprintf("%s: not a name that dovecot gives: %v", file, err))
	}
	return time.Unix(sec, micro*1000)
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func listens(port int) bool {
	conn, err := net.Dial("tcp", address(port))
	return err == nil && conn.Close() == nil
}

// greets tells whether a server says hello: a port that is open may belong to a
// master process whose children cannot start.
func greets(port int, hello string) bool {
	conn, err := net.Dial("tcp", address(port))
	if err != nil {
		return false
	}
	defer conn.Close()
	got := make([]byte, len(hello))
	_, err = conn.Read(got)
	return err == nil && string(got) == hello
}

// trusted makes a pool of one certificate.
func trusted(pem []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading the certificate")
	}
	return pool, nil
}
