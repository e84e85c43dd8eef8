package dispatch

import (
	"cmp"
	"context"
	"time"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/draft"
	"otklik/internal/outreach"
	"otklik/internal/policy"
	"otklik/internal/program"
	"otklik/internal/store"
)

// programVersion names a definition.
type programVersion struct {
	id      string
	version int
}

// programs finds the definitions of a batch: outreach keeps the version that it was
// planned by (design.md). A version that cannot be found is replaced by the one in
// force.
func (d *Dispatcher) programs(ctx context.Context, os []store.Outreach, f *facts) error {
	f.defs = map[programVersion]*program.Definition{}
	current := d.Programs()
	known := false
	for i := range os {
		key := programVersion{os[i].Program, os[i].ProgramVersion}
		if _, ok := f.defs[key]; ok {
			continue
		}
		def := current[key.id]
		if (def == nil || def.Version != key.version) && d.Version != nil {
			if old, err := d.oldVersion(ctx, key); err == nil {
				def = old
			}
		}
		f.defs[key] = def
		known = known || def != nil
	}
	if !known {
		return nil
	}
	var err error
	if f.office, err = d.decided(ctx); err != nil {
		return err
	}
	for i := range os {
		if def, _, _ := f.step(&os[i]); !f.office.launched(def, &os[i]) {
			// The launch may be younger than the last look.
			f.office, err = d.readOffice(ctx)
			return err
		}
	}
	return nil
}

func (d *Dispatcher) oldVersion(ctx context.Context, key programVersion) (*program.Definition, error) {
	if p, ok := d.versions.Load(key); ok {
		return p.(*program.Definition), nil
	}
	p, err := d.Version(ctx, key.id, key.version)
	if err == nil {
		d.versions.Store(key, p)
	}
	return p, err
}

// step finds the definition and step of an outreach.
func (f *facts) step(o *store.Outreach) (*program.Definition, program.Step, bool) {
	def := f.defs[programVersion{o.Program, o.ProgramVersion}]
	if def == nil {
		return nil, program.Step{}, false
	}
	s, ok := def.Step(o.Step)
	return def, s, ok
}

// needless drops a step that has no sense any more, and one of a program that was
// switched off since it was planned.
func (f *facts) needless(o *store.Outreach, def *program.Definition, step *program.Step) *store.Verdict {
	switch {
	case f.off(def, o.DealerID):
		return dropped(o, program.RuleOff, map[string]string{"program": def.ID})
	case f.now.Before(o.DeadlineAt) && !f.office.launched(def, o):
		return dropped(o, RuleCanceled, map[string]string{"program": def.ID})
	case !program.Answered(def, f.office.settings, f.office.staff, o.DealerID) && f.now.Before(o.DeadlineAt):
		return held(o, program.RuleNobody, sooner(f.now.Add(time.Hour), o.DeadlineAt), map[string]string{"program": def.ID, "role": def.Responsible})
	}
	subject, _ := program.Subject(o.Occasion)
	switch step.Unless {
	case program.UnlessAnswered:
		if f.Answered[cmp.Or(o.VisitID, o.ID)] {
			return dropped(o, RuleAnswered, nil)
		}
	case program.UnlessVisited:
		if v, ok := f.subjects.LastVisit[o.ContactID]; ok && o.VisitID != "" && v.After(f.Visits[o.VisitID].CompletedAt) {
			return dropped(o, RuleVisited, map[string]string{"at": v.Format(time.RFC3339)})
		}
	case program.UnlessArrived:
		if a, ok := f.subjects.Appointments[subject]; ok && a.State != store.AppointmentBooked && a.State != store.AppointmentMissed {
			return dropped(o, RuleArrived, map[string]string{"state": a.State})
		}
	case program.UnlessSettled:
		if p, ok := f.subjects.Prospects[subject]; ok && !p.Open() {
			return dropped(o, RuleSettled, map[string]string{"state": p.State})
		}
	}
	return nil
}

// off tells whether the dealer has switched a program off since the plan.
func (f *facts) off(def *program.Definition, dealerID string) bool {
	x, ok := f.office.settings.Of(dealerID, def.ID)
	return ok && !x.Running
}

// asked gives a late message to somebody who decides whether it still goes.
func (f *facts) asked(o *store.Outreach, v policy.Verdict) *store.Verdict {
	return &store.Verdict{Outreach: *o, State: outreach.Done, Verdict: "task", Rule: v.Rule, Inputs: encode(v.Inputs),
		Task: &store.Task{DealerID: o.DealerID, Kind: store.TaskLate, ContactID: o.ContactID, VisitID: o.VisitID, OutreachID: o.ID, Reason: o.Program, DueAt: f.now.Add(lateDecision)}}
}

// lateDecision is how long somebody has to say whether a late message still goes.
const lateDecision = 4 * time.Hour

// sooner is the earlier of two times.
func sooner(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// judgeCall opens the task of a phone step.
func (d *Dispatcher) judgeCall(o *store.Outreach, def *program.Definition, step *program.Step, f *facts) *store.Verdict {
	c := f.Contacts[o.ContactID]
	phone := f.number(&c, o.Purpose)
	spoke := f.Spoke[o.ContactID]
	survey := def.Asks(step.ID) != "" && step.Task == ""
	switch {
	case c.Deceased:
		return dropped(o, policy.RuleDeceased, map[string]string{"purpose": string(o.Purpose)})
	case f.now.After(o.DeadlineAt) && step.Late == program.LateSkip:
		return dropped(o, policy.RuleTooLate, map[string]string{"deadline": o.DeadlineAt.Format(time.RFC3339)})
	case phone == "":
		return dropped(o, RuleNoPhone, nil)
	case f.sup.reason(channels.Phone, phone, o.Purpose) != "":
		return dropped(o, policy.RuleOptedOut, map[string]string{"reason": f.sup.reason(channels.Phone, phone, o.Purpose)})
	case survey && spoke.After(f.now.AddDate(0, 0, -spokeWithinDays)):
		return dropped(o, RuleSpoke, map[string]string{"at": spoke.Format(time.RFC3339)})
	}
	if until := f.patience(o); survey && until.After(f.now) {
		return held(o, RuleTime, until, map[string]string{"until": until.Format(time.RFC3339)})
	}
	t, inputs := f.task(o, def, step), map[string]string(nil)
	if t.Reason != callback.ReasonNoAnswer {
		inputs = map[string]string{"task": t.Kind} // nobody was asked before
	}
	return &store.Verdict{Outreach: *o, State: outreach.Done, Verdict: "task", Rule: RulePhoneStep, Inputs: encode(inputs), Task: t}
}

// number is the one that a person is called on; "" where he has none.
func (f *facts) number(c *store.Contact, p outreach.Purpose) string {
	var numbers []store.Number
	for _, a := range c.Addresses {
		if a.Channel == channels.SMS {
			why := f.sup.reason(a.Channel, a.Value, p)
			numbers = append(numbers, store.Number{Value: a.Value, Wrong: why == store.WrongNumber || why == store.WrongPerson})
		}
	}
	return callback.Dialled(numbers)
}

// task is what a phone step asks of somebody.
func (f *facts) task(o *store.Outreach, def *program.Definition, step *program.Step) *store.Task {
	due := o.DeadlineAt
	if due.Before(f.now) {
		due = f.now // it is late already: at once
	}
	t := &store.Task{Survey: def.Asks(step.ID), DealerID: o.DealerID, Kind: store.TaskSurveyCall, ContactID: o.ContactID, VisitID: o.VisitID, OutreachID: o.ID, Reason: o.Program, DueAt: due, WayIn: string(channels.Phone)}
	switch {
	case step.Task != "":
		t.Kind = step.Task
	case step.Unless == program.UnlessAnswered:
		t.Reason = callback.ReasonNoAnswer
	}
	v := f.Visits[o.VisitID]
	t.Department = v.Department
	if v.Repeat {
		t.Severity = 1 // repeat repair first in every queue (R133)
	}
	advisor, consultant := v.AdvisorID, ""
	subject, _ := program.Subject(o.Occasion)
	if a, ok := f.subjects.Appointments[subject]; ok {
		advisor, t.Department, t.Words = a.AdvisorID, a.Department, a.Request
		if d := a.WarrantyDue(); step.Task == store.TaskWarrantySlot && !d.IsZero() {
			t.DueAt = d
			if a.Immobile {
				t.Severity = 1
			}
		}
	}
	if p, ok := f.subjects.Prospects[subject]; ok {
		consultant, t.Words = p.ConsultantID, p.Notes
	}
	if k, ok := f.subjects.Vehicles[subject]; ok {
		consultant = k.ConsultantID
	}
	switch step.Owner {
	case "advisor":
		t.OwnerID = advisor
	case "consultant":
		t.OwnerID = consultant
	}
	if t.Kind == store.TaskSurveyCall {
		t.OwnerID = f.caller(def, o.DealerID, t.OwnerID, v.AdvisorID, v.MechanicID)
	}
	t.Clocks = []store.Clock{{Kind: "contact", DueAt: t.DueAt}}
	return t
}

// want adds what an outreach is about.
func want(w *store.WantedSubjects, def *program.Definition, o *store.Outreach, step *program.Step) {
	if def == nil {
		return
	}
	if step.Unless == program.UnlessVisited || def.Dated() {
		w.Visitors = append(w.Visitors, o.ContactID)
	}
	subject, _ := program.Subject(o.Occasion)
	if subject == "" {
		return
	}
	switch def.Trigger {
	case store.EventAppointmentBooked, store.EventAppointmentMissed, store.EventWarrantyRequested, store.EventCarReady, store.EventCarDelayed:
		w.Appointments = append(w.Appointments, subject)
	case store.EventProspectContacted, store.EventProspectAgreed:
		w.Prospects = append(w.Prospects, subject)
	case store.EventVehicleDelivered, program.CarBirthday:
		w.Vehicles = append(w.Vehicles, subject)
	}
}

// about fills in what a text may say of the occasion beside the visit.
func (d *Dispatcher) about(o *store.Outreach, f *facts, def *program.Definition, it *item, in *policy.Input) {
	subject, when := program.Subject(o.Occasion)
	if s, ok := f.office.settings.Of(o.DealerID, def.ID); ok && def.Launch == "" {
		in.LaunchedBy = s.ChangedBy // switching it on is the launch
	}
	if subject == "" && !def.Dated() {
		return // a visit's
	}
	x := &draft.Occasion{Appointment: f.subjects.Appointments[subject], Prospect: f.subjects.Prospects[subject], Vehicle: f.subjects.Vehicles[subject]}
	if def.Dated() {
		x.Date = when
		x.Holiday = d.holiday(def, when)
	}
	if !x.Vehicle.SoldAt.IsZero() {
		in.VehicleSold = true
	}
	if start := x.Appointment.StartsAt; def.Trigger == store.EventAppointmentBooked && start.After(f.now) {
		in.Soon = start.Sub(f.now) <= soon
	}
	in.Relationship = cmp.Or(in.Relationship, relationship(x), f.customer(o.ContactID))
	if c := f.office.launch(def.ID, o.DealerID, subject, when); c != nil {
		in.LaunchedBy, in.ApprovedBy, in.Size = c.LaunchedBy, c.ApprovedBy, c.Size
		switch {
		case o.Purpose != outreach.Greeting:
			x.News = c.texts
		case len(c.texts) > 0:
			x.Wishes, it.step.Message = c.texts, ownGreeting
			it.news = d.news(o, f, c, it, *in)
		}
		if it.news != nil && it.news.Kind == policy.Send {
			x.News = c.news
		}
	}
	it.to.Occasion = x
}

// news is whether the news beside wishes may stand in them for this person (R055); nil
// where there are none.
func (d *Dispatcher) news(o *store.Outreach, f *facts, c *launch, it *item, in policy.Input) *policy.Verdict {
	if len(c.news) == 0 {
		return nil
	}
	in.Consent = word(f.Consents[o.ContactID], o.DealerID, outreach.Ad, in.Channel)
	in.AdSuppressed = f.sup.reason(in.Channel, it.to.Address, outreach.Ad)
	v := d.Policy.News(in)
	return &v
}

// soon is how near an appointment is whose reminder is not held by quiet hours
// (invariant 4).
const soon = 90 * time.Minute

// relationship names what a person has done with us beside visits.
func relationship(x *draft.Occasion) string {
	switch {
	case x.Appointment.ID != "":
		return "appointment " + x.Appointment.Number
	case x.Prospect.ID != "":
		return "inquiry " + x.Prospect.Number
	case x.Vehicle.ID != "":
		return "purchase " + x.Vehicle.DeliveredOn
	}
	return ""
}

// customer names what makes a person ours where the occasion says nothing: his last
// visit, else that the dealer keeps him as a customer or as somebody who has inquired.
func (f *facts) customer(contact string) string {
	if at, ok := f.subjects.LastVisit[contact]; ok {
		return "visit " + at.Format(time.DateOnly)
	}
	if f.Contacts[contact].Prospect {
		return "inquiry"
	}
	return "customer"
}

// ownGreeting is the message that carries a marketer's own wishes.
const ownGreeting = "greeting.own"

// holiday is the title of the holiday for which a program writes on a date, by
// language; nil for a date without a name.
func (d *Dispatcher) holiday(def *program.Definition, date string) map[string]string {
	key := programVersion{def.ID + " " + date, def.Version}
	if t, ok := d.holidays.Load(key); ok {
		return t.(map[string]string)
	}
	titles := def.Holiday(date, d.Book)
	d.holidays.Store(key, titles)
	return titles
}
