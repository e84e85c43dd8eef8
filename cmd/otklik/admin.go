package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"otklik/internal/app"
	"otklik/internal/console"
	"otklik/internal/store"
)

// tools is what administrative commands work with.
type tools struct {
	store *store.Store
}

// withStore opens the configured database for a command; dealers are kept as the
// configuration names them, as serve does.
func withStore(r run, ready bool, fn func(tools) error) error {
	if ready {
		return withApp(r, func(a *app.App) error { return fn(tools{a.Store()}) })
	}
	cfg, err := r.config()
	if err != nil {
		return err
	}
	st, err := store.Open(r.ctx, cfg.DatabaseURL, store.Options{})
	if err != nil {
		return fmt.Errorf("OTKLIK_DATABASE_URL: %w", err)
	}
	defer st.Close()
	return fn(tools{st})
}

// withApp builds the program without starting it.
func withApp(r run, fn func(*app.App) error) error {
	cfg, err := r.config()
	if err != nil {
		return err
	}
	a, err := app.New(r.ctx, cfg, app.Options{Role: app.RoleAll, Version: version, Log: r.quiet()})
	if err != nil {
		return err
	}
	return errors.Join(fn(a), a.Stop(r.ctx))
}

// dealer finds a dealer by code; "" is the only one.
func (t tools) dealer(ctx context.Context, code string) (store.Dealer, error) {
	ds, err := t.store.Dealers(ctx)
	if err != nil {
		return store.Dealer{}, err
	}
	var codes []string
	for _, d := range ds {
		if d.Code == code || code == "" && len(ds) == 1 {
			return d, nil
		}
		codes = append(codes, d.Code)
	}
	if code == "" {
		return store.Dealer{}, usage("there are several dealers; name one with --dealer: %s", strings.Join(codes, ", "))
	}
	return store.Dealer{}, usage("dealer %q is not known; there are: %s", code, strings.Join(codes, ", "))
}

type userCmd struct {
	Add    userAddCmd    `cmd:"" help:"Add an employee who logs in; the password is read from standard input."`
	Passwd userPasswdCmd `cmd:"" help:"Change a password; it is read from standard input."`
}

type userAddCmd struct {
	Name       string   `arg:"" help:"The login, and the name people see unless --full-name is given."`
	Role       []string `required:"" help:"operator, service_manager, workshop_engineer, bodyshop_master, service_advisor, sales_consultant, marketer or admin; several with commas."`
	FullName   string   `help:"The name that colleagues and customers see."`
	Department string   `help:"The department whose remarks are his."`
	Dealer     string   `help:"The dealer's code; the only one by default."`
	Locale     string   `help:"Language of the console." enum:"ru,en,zh," default:""`
}

func (c userAddCmd) Run(r run) error {
	for _, role := range c.Role {
		if !slices.Contains(store.Roles(), role) {
			return usage("role %q is not one of %s", role, strings.Join(store.Roles(), ", "))
		}
	}
	hash, err := readPassword(r)
	if err != nil {
		return err
	}
	return withStore(r, true, func(t tools) error {
		d, err := t.dealer(r.ctx, c.Dealer)
		if err != nil {
			return err
		}
		e := store.Employee{DealerID: d.ID, Name: c.FullName, Login: c.Name, PasswordHash: hash, Roles: c.Role, Department: c.Department, Locale: c.Locale, Active: true}
		if e.Name == "" {
			e.Name = c.Name
		}
		_, err = t.store.SaveEmployee(r.ctx, e, time.Now().UTC())
		if errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("login %s is taken; `otklik user passwd %[1]s` changes its password", c.Name)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(r.stdout, "%s can log in\n", c.Name)
		return nil
	})
}

type userPasswdCmd struct {
	Name string `arg:"" help:"The login."`
}

func (c userPasswdCmd) Run(r run) error {
	hash, err := readPassword(r)
	if err != nil {
		return err
	}
	return withStore(r, true, func(t tools) error {
		e, err := t.store.EmployeeByLogin(r.ctx, c.Name)
		if err != nil {
			return fmt.Errorf("login %s: %w", c.Name, err)
		}
		e.PasswordHash = hash
		_, err = t.store.SaveEmployee(r.ctx, e, time.Now().UTC())
		return err
	})
}

// shortestPassword is what NIST SP 800-63B asks of a password that a person chooses.
const shortestPassword = 8

func readPassword(r run) (string, error) {
	p, err := firstLine(r.stdin)
	if err != nil {
		return "", err
	}
	if len([]rune(p)) < shortestPassword {
		return "", usage("the password has fewer than %d characters", shortestPassword)
	}
	return console.HashPassword(p)
}

type tokenCmd struct {
	Add tokenAddCmd `cmd:"" help:"Make a token; prints only the token."`
}

type tokenAddCmd struct {
	Name   string `arg:"" optional:"" default:"api" help:"What the token is for."`
	Dealer string `help:"The dealer's code; the only one by default."`
}

func (c tokenAddCmd) Run(r run) error {
	return withStore(r, true, func(t tools) error {
		d, err := t.dealer(r.ctx, c.Dealer)
		if err != nil {
			return err
		}
		var b [24]byte
		_, _ = rand.Read(b[:]) // never fails
		secret := "otk_" + base64.RawURLEncoding.EncodeToString(b[:])
		if err := t.store.AddToken(r.ctx, d.ID, c.Name, secret, time.Now().UTC()); err != nil {
			return err
		}
		_, err = fmt.Fprintln(r.stdout, secret)
		return err
	})
}
