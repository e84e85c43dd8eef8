package sandbox

import (
	_ "embed"
	"fmt"
	"net/mail"
	"strings"
	"text/template"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"
)

//go:embed wording.yaml
var wordingFile []byte

// wording is what providers and mail clients say in their own names.
type wording struct {
	Twilio struct {
		Stop  string `yaml:"stop"`
		Start string `yaml:"start"`
		Help  string `yaml:"help"`
	} `yaml:"twilio"`
	Mail map[string]client `yaml:"mail"`
}

// client is a mail client set to one language.
type client struct {
	Attribution string   `yaml:"attribution"`
	Weekdays    []string `yaml:"weekdays"`
	Months      []string `yaml:"months"`

	attribution *template.Template
}

func readWording() (wording, error) {
	var w wording
	if err := yaml.Unmarshal(wordingFile, &w); err != nil {
		return w, fmt.Errorf("reading the stand-ins' wording: %w", err)
	}
	for language, c := range w.Mail {
		t, err := template.New(language).Parse(c.Attribution)
		if err != nil {
			return w, fmt.Errorf("reading the attribution line for %s: %w", language, err)
		}
		c.attribution = t
		w.Mail[language] = c
	}
	return w, nil
}

// client gives the mail client of the person who reads a text: the language is
// told by script alone, which is enough for three of them.
func (w wording) client(text string) client {
	language := "en"
	for _, r := range text {
		if unicode.Is(unicode.Han, r) {
			return w.Mail["zh"]
		}
		if unicode.Is(unicode.Cyrillic, r) {
			language = "ru"
		}
	}
	return w.Mail[language]
}

// attribute writes the line above the quoted mail.
func (c client) attribute(from mail.Address, at time.Time) (string, error) {
	var line strings.Builder
	name := from.Name
	if name == "" {
		name = from.Address
	}
	err := c.attribution.Execute(&line, map[string]any{
		"Name": name, "Address": from.Address,
		"Weekday": c.Weekdays[at.Weekday()], "Month": c.Months[at.Month()-1],
		"Day": at.Day(), "Year": at.Year(), "Hour": at.Hour(), "Minute": at.Format("04"),
	})
	if err != nil {
		return "", fmt.Errorf("writing the attribution line: %w", err)
	}
	return line.String(), nil
}
