package survey

import "otklik/internal/definition"

// Codes are the codes of all that Parse and Lint say, with how many args each
// has, beside definition.YAMLCodes.
func Codes() map[string]int { return problemTexts.Codes() }

// problemTexts are what Parse and Lint say, for the command line; the console's catalogue has
// a text for each code, too.
var problemTexts = definition.Texts{
	"id":                   "id %q: want lower-case letters, digits and hyphens",
	"version":              "version %d: want 1 or more",
	"purpose":              "purpose %q: want survey, callback or greeting",
	"confidence":           "confidence %v: want more than 0, at most 1",
	"segments":             "segments %d: want 1 to 10",
	"no_locales":           "no locales",
	"title_locale":         "title has no %s",
	"why_locale":           "why has no %s",
	"no_budget":            "no channel in the budget",
	"channel":              "unknown channel %q",
	"budget_empty":         "budget of %s: want at least one question",
	"outcome":              "unknown outcome %q",
	"message_key":          "unknown key %q: want invite or an outcome",
	"worded_twice":         "%s has wording and a shared message",
	"wording_locale":       "no wording in %s",
	"wording_channel":      "no text for %s in %s",
	"wording_subject":      "no subject for email in %s",
	"wording_other_locale": "locale %q is not among the definition's locales",
	// Questions.
	"no_questions":        "no questions",
	"question_id":         "question id %q: want up to 20 lower-case letters, digits and underscores",
	"question_twice":      "question %q stands twice",
	"overall_twice":       "%d questions have the role overall: want one",
	"scale":               "question %q: scale %d..%d: want min below max",
	"nps_scale":           "question %q: an nps question is always 0..10",
	"expectation_options": "question %q: options %v: want %s, %s and %s in this order",
	"kind":                "question %q: unknown kind %q",
	"options_needless":    "question %q: a %s question has no options",
	"role":                "question %q: unknown role %q",
	"role_text":           "question %q: the role %s is for a text question",
	"role_liked":          "question %q: the role liked is for a choice",
	"question_channel":    "question %q: channel %q is not in the budget",
	"role_reach":          "question %q: the role reach is for a choice",
	"reach_option":        "question %q: option %q: want a channel or %s",
	"numbers":             "question %q: the text for sms in %s must number the answers (1 and 2)",
	"options_few":         "question %q: want two options or more",
	"option_id":           "option id %q: want up to 20 lower-case letters, digits and underscores, and neither %q nor %q",
	"option_twice":        "option %q stands twice",
	"option_label":        "option %q has no label in %s",
	"option_also":         "option %q: locale %q is not among the definition's locales",
	"no_first":            "every question is conditional or of a set: the invite has none to ask",
	"first_channel":       "question %q comes first and is not asked on %s",
	"set_unsplit":         "question %q: split says nothing of the set %q",
	"split_size":          "split: %d questions of the set %q, which has %d",
	// Conditions.
	"condition_answer": "the condition names an answer but no question",
	"condition_empty":  "empty condition",
	"condition_later":  "the condition names %q, which is no earlier question",
	"not_rating":       "%q is no rating: at_most and at_least do not apply",
	"answer":           "answer %q: want yes or no, of a yes/no question",
	"no_option":        "%q has no option %q",
	// Flags.
	"severity":         "severity %q: want normal, high or urgent",
	"rule_set":         "set %q: want one that split names, and no question beside it",
	"rule_one":         "a rule has exactly one of at_most, answer, choice, flag, intent and words",
	"rule_question":    "at_most, answer and choice go with a question or a set, the others without",
	"rule_intent":      "intent %q: only callback can be ruled on",
	"rule_no_question": "no question %q",
	// Sheets and brands.
	"no_suggestions": "the last question on %s must ask for suggestions, always (R018)",
	"over_budget":    "%s shows %d questions, its budget is %d",
	"brand":          "question %q: brand %q: want its name in lower case",
	"brand_locale":   "question %q: brand %q: locale %q is not among the definition's locales",
	// What a person should look at.
	"length":         "a questionnaire on %s should have 5 or 6 questions (R017)",
	"steers_begging": "%q begs for a grade: word it neutrally",
	"steers_leading": "%q leads to an answer: word it neutrally",
	"steers_gating":  "%q asks for a public review only of those who are content: word it neutrally",
	"steers_loaded":  "%q judges before the customer has: word it neutrally",
}
