package intake

// A field is one meaning that a column can have. The names are what File.Fields shows and Options.Mapping takes.
const (
	fOrder      = "order"
	fDealer     = "dealer"
	fClosedAt   = "closed_at"
	fHandedOver = "handed_over_at"
	fPromisedAt = "promised_at"
	fOpenedAt   = "opened_at"
	fStartsAt   = "starts_at"
	fDate       = "date" // a date without a say; resolved to one of the above by kind
	fSoldAt     = "sold_at"
	fWorks      = "works"
	fTotal      = "total"
	fLabor      = "total_labor" // used where no column holds the whole
	fParts      = "total_parts"
	fCurrency   = "currency"
	fAdvisor    = "advisor"
	fMechanic   = "mechanic"
	fDepartment = "department"
	fRepeat     = "repeat"
	fStatus     = "status"
	fCustomerID = "customer_id"
	fCustomer   = "customer"
	fFamily     = "family"
	fGiven      = "given"
	fPatronymic = "patronymic"
	fCompany    = "company"
	fCustType   = "customer_type"
	fGender     = "gender"
	fBirthday   = "birthday"
	fLocale     = "locale"
	fPhone      = "phone"
	fEmail      = "email"
	fContact    = "contact" // telephones and e-mail addresses in one cell
	fVIN        = "vin"
	fPlate      = "plate"
	fModel      = "model"
	fMake       = "make"
	fMileage    = "mileage"
	fIntModel   = "interest_model"
	fIntOptions = "interest_options"
	fPayment    = "payment"
	fTestDrive  = "test_drive"
	fContKind   = "contact_kind"
	fSource     = "source"
	fAttention  = "attention" // a flag, or the reason for it
	fRequest    = "request"   // the customer's key request
	fWarranty   = "warranty"
	fImmobile   = "immobile"
	fAgreedTerm = "agreed_other" // the customer agreed to a later slot
	fAgreedAt   = "agreed_at"    // the next contact that was agreed
	fNotes      = "notes"
	fTags       = "tags"
	fDeceased   = "deceased"
	fHours      = "hours" // in which somebody wants to be written to
	fZone       = "zone"
	fConsent    = "ad_consent" // yes or no to advertising; the two others prove it
	fConsentAt  = "ad_consent_at"
	fConsentBy  = "ad_consent_source"
	fIgnore     = "ignore" // for Options.Mapping: do not use the column
)

// errorColumn is the last column of a file of refused rows; ignored when such a file is imported again.
const errorColumn = "otklik_error"

var fieldNames = [...]string{
	fOrder, fDealer, fClosedAt, fHandedOver, fPromisedAt, fOpenedAt, fStartsAt, fDate, fSoldAt, fWorks, fTotal, fLabor,
	fParts, fCurrency, fAdvisor, fMechanic, fDepartment, fRepeat, fStatus, fCustomerID, fCustomer, fFamily, fGiven,
	fPatronymic, fCompany, fCustType, fGender, fBirthday, fLocale, fPhone, fEmail, fContact, fVIN, fPlate, fModel, fMake,
	fMileage, fIntModel, fIntOptions, fPayment, fTestDrive, fContKind, fSource,
	fAttention, fRequest, fWarranty, fImmobile, fAgreedTerm, fAgreedAt, fNotes, fTags, fDeceased, fHours, fZone,
	fConsent, fConsentAt, fConsentBy, fIgnore,
}

// FieldNames lists the fields that Options.Mapping may name.
func FieldNames() []string { return append([]string(nil), fieldNames[:]...) }

// interestKeys are the keys of Record.Interest by field.
var interestKeys = map[string]string{
	fIntModel: "model", fIntOptions: "options", fPayment: "payment",
	fTestDrive: "test_drive", fContKind: "contact_kind", fSource: "source",
}

// isDateField holds for the fields whose cells are moments or dates.
func isDateField(field string) bool {
	switch field {
	case fClosedAt, fHandedOver, fPromisedAt, fOpenedAt, fStartsAt, fDate, fSoldAt, fBirthday, fAgreedAt, fConsentAt:
		return true
	}
	return false
}

// manyColumns holds for the fields that several columns may fill together.
func manyColumns(field string) bool {
	switch field {
	case fCustomer, fPhone, fEmail, fContact, fWorks, fClosedAt, fHandedOver, fPromisedAt, fOpenedAt, fStartsAt, fDate:
		return true
	}
	return false
}

// onlyFor are the fields that some kinds alone have a use for.
var onlyFor = map[string][]Kind{
	fAttention: {Appointments}, fRequest: {Appointments}, fWarranty: {Appointments}, fImmobile: {Appointments}, fAgreedTerm: {Appointments},
	fAgreedAt: {Prospects}, fNotes: {Prospects}, fTags: {Customers, Prospects}, fDeceased: {Customers}, fHours: {Customers, Prospects},
	fConsent: {Customers}, fConsentAt: {Customers}, fConsentBy: {Customers},
}

// clockFields are the columns of which at least one must start the kind's clock, best first.
func clockFields(k Kind) []string {
	switch k {
	case Visits, Deliveries:
		return []string{fHandedOver, fClosedAt}
	case Appointments:
		return []string{fStartsAt}
	case Prospects:
		return []string{fOpenedAt}
	}
	return nil
}

// standIns are the columns that stand in for a missing clock column, best first.
func standIns(k Kind) []string {
	switch k {
	case Visits:
		return []string{fDate}
	case Deliveries:
		return []string{fSoldAt, fDate}
	case Appointments:
		return []string{fDate, fPromisedAt}
	case Prospects:
		return []string{fDate, fStartsAt, fClosedAt}
	}
	return nil
}
