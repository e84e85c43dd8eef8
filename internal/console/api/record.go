package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"otklik/internal/intake"
	"otklik/internal/store"
)

// Delivery is the body of POST /api/v1/deliveries: the hand-over of a sold vehicle.
type Delivery struct {
	ExternalID   string    `json:"external_id" minLength:"1" maxLength:"100" doc:"The contract's number. The same number with the same vehicle is the same delivery." example:"ДКП-000123"`
	Dealer       string    `json:"dealer,omitempty" maxLength:"100" doc:"The dealer's code. A token opens its own dealer only, which is also the default." example:"main"`
	HandedOverAt time.Time `json:"handed_over_at" doc:"When the buyer got the vehicle. RFC 3339 with offset." example:"2026-11-20T12:00:00+03:00"`
	Consultant   string    `json:"consultant,omitempty" maxLength:"200" doc:"Who sold it." example:"Зимин П.А."`
	Customer     Customer  `json:"customer"`
	Vehicle      Vehicle   `json:"vehicle"`
}

// Appointment is the body of POST /api/v1/appointments.
type Appointment struct {
	ExternalID      string     `json:"external_id" minLength:"1" maxLength:"100" doc:"The appointment's number. Send it again when it is moved." example:"ЗП-000123"`
	Dealer          string     `json:"dealer,omitempty" maxLength:"100" doc:"The dealer's code. A token opens its own dealer only, which is also the default." example:"main"`
	Order           string     `json:"order,omitempty" maxLength:"100" doc:"The repair order's number, once there is one." example:"ЗН-000123"`
	StartsAt        *time.Time `json:"starts_at,omitempty" doc:"When the customer is expected. RFC 3339 with offset. Left out, it is a request without a slot." example:"2026-11-24T10:30:00+03:00"`
	RequestedAt     *time.Time `json:"requested_at,omitempty" doc:"When the customer asked for it. Left out, it is now." example:"2026-11-20T09:00:00+03:00"`
	PromisedAt      *time.Time `json:"promised_at,omitempty" doc:"When the vehicle will be ready." example:"2026-11-24T18:00:00+03:00"`
	State           string     `json:"state,omitempty" enum:"requested,booked,arrived,missed,canceled,done," doc:"Left out, what is known stays; a new one is booked." example:"booked"`
	Advisor         string     `json:"advisor,omitempty" maxLength:"200" doc:"The service advisor's name." example:"Орлова М.В."`
	Department      string     `json:"department,omitempty" maxLength:"200" example:"Слесарный цех"`
	Works           []string   `json:"works,omitempty" maxItems:"100" maxLength:"500" doc:"What is to be done." example:"[\"ТО-4\"]"`
	Request         string     `json:"request,omitempty" maxLength:"2000" doc:"The customer's key request in his own words." example:"Стук справа"`
	Attention       bool       `json:"attention,omitempty" doc:"This customer needs special attention."`
	AttentionReason string     `json:"attention_reason,omitempty" maxLength:"500" doc:"Why." example:"Повторный ремонт"`
	Warranty        bool       `json:"warranty,omitempty" doc:"It is a warranty repair: a slot within 48 hours is due."`
	Immobile        bool       `json:"immobile,omitempty" doc:"The vehicle cannot be driven: a warranty repair is due at once."`
	AgreedOther     bool       `json:"client_agreed_other,omitempty" doc:"The customer agreed to a later slot."`
	Customer        Customer   `json:"customer"`
	Vehicle         *Vehicle   `json:"vehicle,omitempty"`
}

// Prospect is the body of POST /api/v1/prospects.
type Prospect struct {
	ExternalID  string     `json:"external_id" minLength:"1" maxLength:"100" doc:"The lead's number. Send it again after each contact." example:"L-000123"`
	Dealer      string     `json:"dealer,omitempty" maxLength:"100" doc:"The dealer's code. A token opens its own dealer only, which is also the default." example:"main"`
	Source      string     `json:"source,omitempty" maxLength:"200" doc:"Where he comes from." example:"Сайт"`
	ContactKind string     `json:"contact_kind,omitempty" maxLength:"100" doc:"How he came: a visit, a call, an exhibition." example:"Звонок"`
	Model       string     `json:"model,omitempty" maxLength:"200" example:"LADA Vesta SW"`
	Options     string     `json:"options,omitempty" maxLength:"1000" example:"Камера, подогрев"`
	Payment     string     `json:"payment,omitempty" maxLength:"200" example:"Кредит"`
	TestDrive   string     `json:"test_drive,omitempty" maxLength:"200" example:"Хочет в субботу"`
	Notes       string     `json:"notes,omitempty" maxLength:"4000" example:"Двое детей"`
	Consultant  string     `json:"consultant,omitempty" maxLength:"200" example:"Зимин П.А."`
	State       string     `json:"state,omitempty" enum:"new,contacted,test_drive,meeting,won,lost," doc:"Left out, what is known stays; a new one is new." example:"contacted"`
	Outcome     string     `json:"outcome,omitempty" maxLength:"500" doc:"Why he was won or lost." example:"Ждёт новую модель"`
	ContactedAt time.Time  `json:"contacted_at" doc:"When he was last spoken to. RFC 3339 with offset." example:"2026-11-20T14:00:00+03:00"`
	AgreedAt    *time.Time `json:"agreed_at,omitempty" doc:"The next contact, where a date was agreed; it overrides the clocks." example:"2026-11-28T11:00:00+03:00"`
	Customer    Customer   `json:"customer"`
}

type (
	deliveryInput struct {
		Repeatable
		Body    Delivery
		RawBody []byte
	}
	appointmentInput struct {
		Repeatable
		Body    Appointment
		RawBody []byte
	}
	prospectInput struct {
		Repeatable
		Body    Prospect
		RawBody []byte
	}
)

func (a *API) postDelivery(ctx context.Context, r *request, in *deliveryInput) (*createdOutput, error) {
	if err := r.forDealer(in.Body.Dealer); err != nil {
		return nil, err
	}
	now := a.Clock.Business()
	x := reader{dealer: r.dealer, now: now}
	b := in.Body
	record := store.DeliveryRecord{Number: x.number(b.ExternalID), HandedOverAt: b.HandedOverAt.UTC(), Consultant: squeeze(b.Consultant), Customer: x.customer("body.customer", b.Customer), Car: x.car(&b.Vehicle, time.Time{})}
	record.Car.DeliveredOn = b.HandedOverAt.In(r.zone).Format(time.DateOnly)
	x.notAfter("body.handed_over_at", record.HandedOverAt, intake.LatestDone(now))
	if record.Car.VIN == "" && record.Car.Plate == "" && record.Car.Model == "" {
		x.faults.add("body.vehicle", "vin, plate or model is needed")
	}
	if err := x.faults.orNil(); err != nil {
		return nil, err
	}
	r.warnings = x.warnings
	return a.saveOne(ctx, r, in.Key, fingerprint("deliveries", in.RawBody), func(tx *store.Tx) ([]store.SavedRecord, error) {
		return tx.SaveDeliveries(ctx, r.dealer, []store.DeliveryRecord{record}, now)
	})
}

func (a *API) postAppointment(ctx context.Context, r *request, in *appointmentInput) (*createdOutput, error) {
	if err := r.forDealer(in.Body.Dealer); err != nil {
		return nil, err
	}
	now := a.Clock.Business()
	x := reader{dealer: r.dealer, now: now}
	record := x.appointment(in.Body)
	if err := x.faults.orNil(); err != nil {
		return nil, err
	}
	r.warnings = x.warnings
	return a.saveOne(ctx, r, in.Key, fingerprint("appointments", in.RawBody), func(tx *store.Tx) ([]store.SavedRecord, error) {
		return tx.SaveAppointments(ctx, r.dealer, []store.AppointmentRecord{record}, now)
	})
}

func (a *API) postProspect(ctx context.Context, r *request, in *prospectInput) (*createdOutput, error) {
	if err := r.forDealer(in.Body.Dealer); err != nil {
		return nil, err
	}
	now := a.Clock.Business()
	x := reader{dealer: r.dealer, now: now}
	b := in.Body
	record := store.ProspectRecord{Number: x.number(b.ExternalID), Origin: squeeze(b.Source), ContactKind: squeeze(b.ContactKind), Model: squeeze(b.Model), Options: squeeze(b.Options), Payment: squeeze(b.Payment),
		TestDrive: squeeze(b.TestDrive), Notes: squeeze(b.Notes), Consultant: squeeze(b.Consultant), State: b.State, Outcome: squeeze(b.Outcome), ContactedAt: b.ContactedAt.UTC(), AgreedAt: utc(b.AgreedAt),
		DueAt: a.NextContact(r.dealer, b.ContactedAt), Customer: x.customer("body.customer", b.Customer)}
	if record.ContactedAt.After(now) {
		x.faults.add("body.contacted_at", "lies in the future")
	}
	x.omit("body.agreed_at", &record.AgreedAt, intake.LatestAhead(now))
	if err := x.faults.orNil(); err != nil {
		return nil, err
	}
	r.warnings = x.warnings
	return a.saveOne(ctx, r, in.Key, fingerprint("prospects", in.RawBody), func(tx *store.Tx) ([]store.SavedRecord, error) {
		return tx.SaveProspects(ctx, r.dealer, []store.ProspectRecord{record}, now)
	})
}

// saveOne saves one record, which is answered with the id of its subject.
func (a *API) saveOne(ctx context.Context, r *request, key, hash string, effect func(*store.Tx) ([]store.SavedRecord, error)) (*createdOutput, error) {
	return a.save(ctx, r, key, hash, func(tx *store.Tx) (store.SavedRecord, string, error) {
		saved, err := effect(tx)
		if err != nil {
			return store.SavedRecord{}, "", err
		}
		return saved[0], saved[0].SubjectID, nil
	})
}

// number is an external id, which must not be blank.
func (x *reader) number(id string) string {
	if id = squeeze(id); id == "" {
		x.faults.add("body.external_id", "is blank")
	}
	return id
}

// car normalises the vehicle of the body, which came to a visit; zero for none. A day on
// which it cannot have been handed over is left out with a warning.
func (x *reader) car(v *Vehicle, visit time.Time) store.CarRecord {
	if v == nil {
		return store.CarRecord{}
	}
	c := store.CarRecord{VIN: intake.VIN(squeeze(v.VIN)), Plate: intake.Plate(squeeze(v.Plate)), Make: squeeze(v.Make), Model: squeeze(v.Model), Mileage: v.Mileage, DeliveredOn: squeeze(v.DeliveredOn)}
	if c.DeliveredOn == "" {
		return c
	}
	if _, err := time.Parse(time.DateOnly, c.DeliveredOn); err != nil {
		x.faults.add("body.vehicle.delivered_on", "is no date of the form YYYY-MM-DD")
		return c
	}
	if why := intake.ImpossibleDelivery(c.DeliveredOn, visit, x.now, x.dealer.Location()); why != "" {
		x.warnings = append(x.warnings, fault{"body.vehicle.delivered_on", why + "; left out"})
		c.DeliveredOn = ""
	}
	return c
}

// works are texts without blanks around them, each once.
func works(ws []string) (out []string) {
	for _, w := range ws {
		if w = squeeze(w); w != "" && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

func (x *reader) appointment(b Appointment) store.AppointmentRecord {
	r := store.AppointmentRecord{Number: x.number(b.ExternalID), Order: squeeze(b.Order), State: b.State, StartsAt: utc(b.StartsAt), RequestedAt: utc(b.RequestedAt), PromisedAt: utc(b.PromisedAt),
		Advisor: squeeze(b.Advisor), Department: squeeze(b.Department), Works: works(b.Works), Request: squeeze(b.Request), Attention: b.Attention, AttentionReason: squeeze(b.AttentionReason),
		Warranty: b.Warranty, Immobile: b.Immobile, AgreedOther: b.AgreedOther, Customer: x.customer("body.customer", b.Customer), Car: x.car(b.Vehicle, time.Time{})}
	x.notAfter("body.starts_at", r.StartsAt, intake.LatestAhead(x.now))
	x.omit("body.promised_at", &r.PromisedAt, intake.LatestAhead(x.now))
	x.omit("body.requested_at", &r.RequestedAt, intake.LatestDone(x.now))
	return r
}

// moveInput names an appointment; a request has no body.
type moveInput struct {
	Repeatable
	ExternalID string `path:"external_id" maxLength:"100" doc:"The appointment's number, or its order's." example:"ЗП-000123"`
}

// move is the handler that brings appointments to a state.
func (a *API) move(state string) func(context.Context, *request, *moveInput) (*createdOutput, error) {
	return func(ctx context.Context, r *request, in *moveInput) (*createdOutput, error) {
		now := a.Clock.Business()
		return a.save(ctx, r, in.Key, fingerprint(state, []byte(in.ExternalID)), func(tx *store.Tx) (store.SavedRecord, string, error) {
			x, err := tx.AppointmentByNumber(ctx, r.dealer.ID, in.ExternalID)
			if err != nil {
				return store.SavedRecord{}, "", err
			}
			changed, err := tx.MoveAppointment(ctx, x, state, now)
			return fate(changed), x.ID, err
		})
	}
}

func fate(changed bool) store.SavedRecord {
	if changed {
		return store.SavedRecord{Saved: store.Updated}
	}
	return store.SavedRecord{Saved: store.Unchanged}
}

// Standing is the body that tells of a vehicle in the workshop.
type Standing struct {
	PromisedAt *time.Time `json:"promised_at,omitempty" doc:"When it will be ready; needed for a delay." example:"2026-11-24T19:00:00+03:00"`
	Customer   *Customer  `json:"customer,omitempty" doc:"Whose it is, where the order is not known yet."`
	Vehicle    *Vehicle   `json:"vehicle,omitempty"`
}

type standingInput struct {
	Repeatable
	Order   string `path:"order" maxLength:"100" doc:"The order's number." example:"ЗН-000123"`
	Body    Standing
	RawBody []byte
}

// ready tells the customer that his vehicle can be fetched.
func (a *API) ready(ctx context.Context, r *request, in *standingInput) (*createdOutput, error) {
	return a.stand(ctx, r, "ready", in, func(tx *store.Tx, c store.Car, now time.Time) (bool, error) { return tx.CarReady(ctx, c, now) })
}

// delayed tells the customer that his vehicle will take longer.
func (a *API) delayed(ctx context.Context, r *request, in *standingInput) (*createdOutput, error) {
	if in.Body.PromisedAt == nil || !in.Body.PromisedAt.After(a.Clock.Business()) {
		return nil, invalid{{"body.promised_at", "is needed, and lies in the future"}}
	}
	if in.Body.PromisedAt.After(intake.LatestAhead(a.Clock.Business())) {
		return nil, invalid{{"body.promised_at", tooFarAhead}}
	}
	return a.stand(ctx, r, "delayed", in, func(tx *store.Tx, c store.Car, now time.Time) (bool, error) {
		return tx.CarDelayed(ctx, c, in.Body.PromisedAt.UTC(), now)
	})
}

// stand finds the vehicle of an order, or learns of it from the body.
func (a *API) stand(ctx context.Context, r *request, operation string, in *standingInput, note func(*store.Tx, store.Car, time.Time) (bool, error)) (*createdOutput, error) {
	now := a.Clock.Business()
	x := reader{dealer: r.dealer, now: now}
	walkIn := store.AppointmentRecord{Number: in.Order, Order: in.Order, State: store.AppointmentArrived, StartsAt: now, Car: x.car(in.Body.Vehicle, time.Time{})}
	if in.Body.Customer != nil {
		walkIn.Customer = x.customer("body.customer", *in.Body.Customer)
	}
	if err := x.faults.orNil(); err != nil {
		return nil, err
	}
	r.warnings = x.warnings
	return a.save(ctx, r, in.Key, fingerprint(operation+" "+in.Order, in.RawBody), func(tx *store.Tx) (store.SavedRecord, string, error) {
		c, err := tx.CarOf(ctx, r.dealer.ID, in.Order)
		if errors.Is(err, store.ErrNotFound) && walkIn.Customer.Name != "" {
			if _, err = tx.SaveAppointments(ctx, r.dealer, []store.AppointmentRecord{walkIn}, now); err == nil {
				c, err = tx.CarOf(ctx, r.dealer.ID, in.Order)
			}
		}
		if err != nil {
			return store.SavedRecord{}, "", err
		}
		changed, err := note(tx, c, now)
		if c.Visit.ID != "" {
			return fate(changed), c.Visit.ID, err
		}
		return fate(changed), c.Appointment.ID, err
	})
}

// registerRecords adds what a dealer's system tells beside visits and customers.
func (a *API) registerRecords() {
	register(a, a.post("deliveries", "Bring the delivery of a sold vehicle",
		"The buyer and the vehicle come with it. 201: it is new. 200: it was known (and is updated where it differs), or the Idempotency-Key was used for the same body before."), a.postDelivery)
	register(a, a.post("appointments", "Bring an appointment, or move it",
		"201: it is new. 200: it was known; what the body does not tell stays. Another start is a move: reminders follow it. state canceled ends them."), a.postAppointment)
	register(a, a.post("prospects", "Bring a prospect, or tell of a contact with him",
		"201: new. 200: known; what the body does not tell stays. A later contacted_at starts the clocks anew."), a.postProspect)
	for _, s := range []struct{ state, summary string }{{store.AppointmentArrived, "The customer has arrived"}, {store.AppointmentCanceled, "The appointment will not take place"}} {
		register(a, a.act("appointments/{external_id}/"+s.state, s.state+"-appointment", s.summary), a.move(s.state))
	}
	register(a, a.act("visits/{order}/ready", "ready-visit", "The vehicle can be fetched"), a.ready)
	register(a, a.act("visits/{order}/delayed", "delayed-visit", "The vehicle will be ready later"), a.delayed)
}

var actProblems = append(slices.Clone(postProblems), http.StatusNotFound)
