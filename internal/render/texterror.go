package render

// Codes of what is wrong with a text.
const (
	// BadTemplate: the arg is what the template library says.
	BadTemplate = "text_template"
	// NoPlaceholder: the arg is a name that no placeholder has.
	NoPlaceholder = "text_placeholder"
	// NoMessage: the arg is an id that no shared message has.
	NoMessage = "text_message"
	// Nameless: a text that begins a conversation does not use the person's name. It
	// refuses nothing, see Impersonal; its args are the locale and the channel.
	Nameless = "text_nameless"
)

// Codes are the codes of what is wrong with a text, with how many args each has.
func Codes() map[string]int {
	return map[string]int{BadTemplate: 1, NoPlaceholder: 1, NoMessage: 1, Nameless: 2}
}

// TextError is one text of a survey that cannot be used. Those of a survey come joined.
type TextError struct {
	// Path leads to the text in the survey's file: keys and indexes.
	Path []any
	Code string
	Arg  string
	err  error
}

// Error names the text.
func (e *TextError) Error() string { return e.err.Error() }

// Unwrap gives the cause, ErrUnknown of a message.
func (e *TextError) Unwrap() error { return e.err }
