package email

import (
	"context"
	"errors"
	"fmt"
)

// Check logs in at the SMTP server and, where one is configured, opens the mailbox;
// it sends and reads nothing. Errors never contain a password.
func (c *Channel) Check(ctx context.Context) error {
	var problems []error
	if s, err := c.dial(ctx); err != nil {
		problems = append(problems, fmt.Errorf("sending by %s: %w", c.smtp.address(), err))
	} else {
		s.closeQuietly()
	}
	if c.imap.host != "" {
		box, err := openMailbox(ctx, c.imap, c.imap.tlsConfig(c.tls), c.mailbox, c.timeout)
		if err != nil {
			problems = append(problems, c.pollError(ctx, "opening the mailbox at "+c.imap.address(), err))
		} else {
			box.close()
		}
	}
	return errors.Join(problems...)
}
