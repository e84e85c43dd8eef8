package api

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Customer is a customer on the wire.
type Customer struct {
	ExternalID string   `json:"external_id,omitempty" maxLength:"100" doc:"The customer's id in your system. The same id is the same customer." example:"C-1001"`
	Name       string   `json:"name,omitempty" maxLength:"200" doc:"Full name in any order: family name, given name, patronymic. Needed unless company is a name." example:"Иванова Мария Петровна"`
	Phones     []string `json:"phones,omitempty" maxItems:"10" maxLength:"60" doc:"Telephone numbers, the preferred one first. National numbers are read in the dealer's country." example:"[\"+7 900 000-00-01\"]"`
	Emails     []string `json:"emails,omitempty" maxItems:"10" maxLength:"254" doc:"Mail addresses, the preferred one first." example:"[\"maria@example.com\"]"`
	Gender     string   `json:"gender,omitempty" enum:"male,female,unknown," doc:"Left out, it is taken from a patronymic and from nothing else." example:"female"`
	Birthday   string   `json:"birthday,omitempty" maxLength:"10" doc:"YYYY-MM-DD, or --MM-DD where the year is not known." example:"1984-03-08"`
	Locale     string   `json:"locale,omitempty" maxLength:"35" doc:"Language tag (BCP 47). Left out, it is the dealer's." example:"ru"`
	Tags       []string `json:"tags,omitempty" maxItems:"50" maxLength:"60" doc:"Words of your own, to choose customers by. They are added to those that are known." example:"[\"club\"]"`
	Hours      string   `json:"hours,omitempty" maxLength:"60" doc:"The hours in which the customer wants to be written to, by the clock where he lives." example:"11:00-19:00"`
	Zone       string   `json:"zone,omitempty" maxLength:"60" doc:"Time zone where the customer lives, by its IANA name or as an offset like UTC+10. Left out, a landline or the country tells, else it is the dealer's." example:"Asia/Vladivostok"`
	Deceased   bool     `json:"deceased,omitempty" doc:"The customer has died: nothing is sent any more."`
	Company    company  `json:"company,omitempty" doc:"true or the company's name where the customer is a company, false where he is a person. Left out, the name tells."`
}

// CustomerPost is the body of POST /api/v1/customers.
type CustomerPost struct {
	Dealer string `json:"dealer,omitempty" maxLength:"100" doc:"The dealer's code. A token opens its own dealer only, which is also the default." example:"main"`
	Customer
	Vehicle *Vehicle `json:"vehicle,omitempty"`
}

// Vehicle is a car on the wire.
type Vehicle struct {
	VIN     string `json:"vin,omitempty" maxLength:"40" example:"XTA00000000000001"`
	Plate   string `json:"plate,omitempty" maxLength:"20" example:"А001АА77"`
	Make    string `json:"make,omitempty" maxLength:"60" example:"LADA"`
	Model   string `json:"model,omitempty" maxLength:"100" doc:"As it is to be called, with the make." example:"LADA Vesta"`
	Mileage int    `json:"mileage,omitempty" minimum:"0" maximum:"9999999" doc:"As read at the visit." example:"41200"`

	DeliveredOn string `json:"delivered_on,omitempty" maxLength:"10" doc:"YYYY-MM-DD: the day on which the customer got it." example:"2025-11-27"`
}

// Total is an amount of money.
type Total struct {
	Amount   amount `json:"amount" doc:"Decimal, as text or as a number, with no more decimals than the currency has." example:"\"7860.00\""`
	Currency string `json:"currency" minLength:"3" maxLength:"3" doc:"ISO 4217." example:"RUB"`
}

// Visit is the body of POST /api/v1/visits: one stay of a vehicle with its order.
type Visit struct {
	ExternalID   string     `json:"external_id" minLength:"1" maxLength:"100" doc:"The order's number. The same number is the same visit, also where it came by file." example:"ЗН-000123"`
	Dealer       string     `json:"dealer,omitempty" maxLength:"100" doc:"The dealer's code. A token opens its own dealer only, which is also the default." example:"main"`
	ClosedAt     *time.Time `json:"closed_at,omitempty" doc:"When the order was closed. RFC 3339 with offset. The clock starts at hand-over, else at closing; one of them is needed." example:"2026-11-20T18:30:00+03:00"`
	HandedOverAt *time.Time `json:"handed_over_at,omitempty" doc:"When the vehicle was handed over." example:"2026-11-20T18:45:00+03:00"`
	PromisedAt   *time.Time `json:"promised_at,omitempty" doc:"When it was promised." example:"2026-11-20T18:00:00+03:00"`
	Works        []string   `json:"works,omitempty" maxItems:"500" maxLength:"500" doc:"What was done." example:"[\"ТО-4\", \"Замена колодок\"]"`
	Total        *Total     `json:"total,omitempty"`
	Advisor      string     `json:"advisor,omitempty" maxLength:"200" doc:"The service advisor's name." example:"Орлова М.В."`
	Mechanic     string     `json:"mechanic,omitempty" maxLength:"200" doc:"The mechanic's name." example:"Ким О."`
	Department   string     `json:"department,omitempty" maxLength:"200" example:"Слесарный цех"`
	Repeat       bool       `json:"repeat,omitempty" doc:"It is a repeat repair."`
	Customer     Customer   `json:"customer"`
	Vehicle      *Vehicle   `json:"vehicle,omitempty"`
}

// amount is a decimal as it stood in the body; a float would round it.
type amount string

// UnmarshalJSON takes text and numbers.
func (a *amount) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(a))
	}
	*a = amount(b)
	return nil
}

// Schema implements huma.SchemaProvider.
func (amount) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{
		precomputed(&huma.Schema{Type: huma.TypeString, Pattern: amountPattern}),
		precomputed(&huma.Schema{Type: huma.TypeNumber, Minimum: new(float64)}),
	}}
}

// company is a flag, or the name of the company.
type company struct {
	given, is bool
	name      string
}

// UnmarshalJSON takes true, false, text and null.
func (c *company) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	if len(b) > 0 && b[0] == '"' {
		if err := json.Unmarshal(b, &c.name); err != nil {
			return err
		}
		c.name = squeeze(c.name)
		c.given, c.is = c.name != "", c.name != ""
		return nil
	}
	c.given = true
	return json.Unmarshal(b, &c.is)
}

// Schema implements huma.SchemaProvider.
func (company) Schema(huma.Registry) *huma.Schema {
	longest := 200
	return &huma.Schema{OneOf: []*huma.Schema{
		precomputed(&huma.Schema{Type: huma.TypeBoolean}),
		precomputed(&huma.Schema{Type: huma.TypeString, MaxLength: &longest}),
	}}
}

func precomputed(s *huma.Schema) *huma.Schema {
	s.PrecomputeMessages()
	return s
}
