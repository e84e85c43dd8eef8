package app

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"otklik/internal/campaign"
	"otklik/internal/console"
	"otklik/internal/console/api"
	"otklik/templates"
)

// makePages builds console and API; what is wrong with their texts is found here.
func (a *App) makePages() error {
	ads, err := campaign.ReadAdvertising(templates.FS)
	if err != nil {
		return err
	}
	a.campaigns = &campaign.Desk{Store: a.store, Clock: a.clock, Planner: a.planner, Dispatcher: a.dispatcher, Drafter: a.drafter, Policy: a.policy, Programs: a.Programs, Advertising: ads,
		Price: campaign.Price(a.config.SMSPrice), Changed: a.hub.broadcast, Wake: func() { a.wakePlanner(); a.dispatcher.Wake() }}
	a.closers = append(a.closers, func(context.Context) error { a.campaigns.Close(); return nil })
	deps := console.Deps{Store: a.store, Clock: a.clock, Roster: a.roster, Desk: a.desk, Inbox: a.inbox, Drafter: a.drafter, Renderer: a.renderer, Survey: a.survey, Programs: a.Programs, Book: a.calendar, Definitions: a.editor(), Outlook: a.outlook, Log: a.log, Campaigns: a.campaigns,
		PublicURL: a.config.PublicURL, Secure: strings.HasPrefix(a.config.PublicURL, "https://"), Notify: a.hub.subscribe}
	if d := a.sandbox; d != nil {
		deps.Sandbox = &console.Sandbox{Servers: d.servers, Phones: d.phones, Advance: a.Advance}
		for _, e := range d.file.Employees {
			deps.Sandbox.Logins = append(deps.Sandbox.Logins, console.DemoLogin{Login: e.Login, Password: e.Password, Role: e.Roles[0]})
		}
	}
	if a.console, err = console.New(deps); err != nil {
		return fmt.Errorf("building the console: %w", err)
	}
	a.api = api.New(api.Deps{Store: a.store, Clock: a.clock, Roster: a.roster, Log: a.log, Version: a.options.Version, Saved: a.wakePlanner, Sentence: a.console.Sentence,
		NextContact: a.nextContact})
	return nil
}

func (a *App) mountPages(mux *http.ServeMux) {
	a.console.Routes(mux)
	a.api.Routes(mux)
}
