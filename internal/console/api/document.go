package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

const documentPath = "/api/openapi.json"

// config is huma without what it would add by itself: the documentation page
// loads from a CDN, $schema links stand in every body, and its document is built
// at the first request without a lock.
func (a *API) config() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:   "Otklik",
				Version: a.Version,
				Description: "Bring customers, visits, deliveries, appointments and prospects, read messages, responses, callbacks and decisions. " +
					"A token belongs to one dealer (otklik token add). Times are RFC 3339 with offset. " +
					"Answers that are no success are problems (RFC 9457) that never repeat a value you sent.",
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Tags: []*huma.Tag{
				{Name: "bring", Description: "What a dealer's system tells."},
				{Name: "read", Description: "What came of it, newest first."},
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"token": {Type: "http", Scheme: "bearer", Description: "A token made by otklik token add."},
				},
			},
			Security: []map[string][]string{{"token": {}}},
		},
		Formats:                      huma.DefaultFormats,
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{scrub},
	}
}

// statuses that an operation may answer with when it is no success.
var (
	postProblems = []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusConflict,
		http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusServiceUnavailable}
	listProblems = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusServiceUnavailable}
)

func (a *API) registerPosts() {
	register(a, a.post("visits", "Bring a visit",
		"The customer and the vehicle come with it. 201: it is new. 200: it was known (and is updated where it differs), or the Idempotency-Key was used for the same body before."), a.postVisit)
	a.registerRecords()
	register(a, a.post("customers", "Bring a customer",
		"A customer is known again by external_id, else by name together with a telephone number or mail address. 201: new. 200: known; what was missing is added, nothing is overwritten."), a.postCustomer)
}

func (a *API) registerLists() {
	register(a, a.list("messages", "Messages, in and out"), a.listMessages)
	register(a, a.list("responses", "Responses with their answers"), a.listResponses)
	register(a, a.list("callbacks", "Callbacks, open and closed"), a.listCallbacks)
	register(a, a.list("decisions", "Why something was sent, held, moved, merged or dropped"), a.listDecisions)
}

func (a *API) post(name, summary, description string) huma.Operation {
	return huma.Operation{
		OperationID: "post-" + name, Method: http.MethodPost, Path: "/api/v1/" + name, Summary: summary, Description: description, Tags: []string{"bring"},
		DefaultStatus: http.StatusCreated,
		// huma refuses a body of exactly the limit.
		MaxBodyBytes: bodyLimit + 1,
		Responses:    a.problems(postProblems),
	}
}

// act is an operation about something that is known.
func (a *API) act(path, id, summary string) huma.Operation {
	op := a.post(path, summary, "200: noted, or known already. The id is that of the visit or the appointment. 404: there is no such number. 409: not possible any more.")
	op.OperationID, op.DefaultStatus, op.Responses = id, http.StatusOK, a.problems(actProblems)
	return op
}

func (a *API) list(name, summary string) huma.Operation {
	return huma.Operation{
		OperationID: "list-" + name, Method: http.MethodGet, Path: "/api/v1/" + name, Summary: summary, Tags: []string{"read"},
		Description: "Newest first. Pass next as cursor until it is null.",
		Responses:   a.problems(listProblems),
	}
}

func (a *API) problems(statuses []int) map[string]*huma.Response {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[problem](), true, "")
	out := make(map[string]*huma.Response, len(statuses))
	for _, s := range statuses {
		out[strconv.Itoa(s)] = &huma.Response{Description: http.StatusText(s), Content: map[string]*huma.MediaType{problemType: {Schema: schema}}}
	}
	return out
}

// finishDocument adds what the types alone do not tell and marshals the document.
func (a *API) finishDocument() []byte {
	doc := a.huma.OpenAPI()
	for _, path := range doc.Paths {
		if path.Post != nil {
			if made := path.Post.Responses["201"]; made != nil {
				known := *made
				known.Description = "It was known, or is a repetition under the same Idempotency-Key"
				path.Post.Responses["200"] = &known
			}
			if path.Post.RequestBody != nil {
				// RawBody is for the idempotency key; no caller sends octets.
				delete(path.Post.RequestBody.Content, "application/octet-stream")
			}
		}
		for _, op := range []*huma.Operation{path.Get, path.Post} {
			if op != nil {
				a.finishOperation(op)
			}
		}
	}
	// huma registers its own error type, which would show values.
	delete(doc.Components.Schemas.Map(), "ErrorModel")
	delete(doc.Components.Schemas.Map(), "ErrorDetail")
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("the OpenAPI document cannot be written: %v", err)) // made of constants alone
	}
	return append(b, '\n')
}

func (a *API) finishOperation(op *huma.Operation) {
	id := &huma.Header{Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"}, Description: "Names this request in the log."}
	for status, r := range op.Responses {
		headers := map[string]*huma.Header{"X-Request-Id": id}
		if status == "401" {
			headers["WWW-Authenticate"] = &huma.Header{Schema: &huma.Schema{Type: huma.TypeString}}
		}
		if status == "503" {
			headers["Retry-After"] = &huma.Header{Schema: &huma.Schema{Type: huma.TypeInteger}, Description: "In how many seconds to send it again."}
		}
		r.Headers = headers
		for kind, m := range r.Content {
			m.Example = a.example(m.Schema)
			if kind == problemType {
				m.Example = exampleProblem(status)
			}
		}
	}
	if op.RequestBody != nil {
		op.RequestBody.Content["application/json"].Example = a.example(op.RequestBody.Content["application/json"].Schema)
	}
}

func exampleProblem(status string) *problem {
	n, err := strconv.Atoi(status)
	if err != nil {
		panic(fmt.Sprintf("the status %q is no number", status)) // ours alone
	}
	p := newProblem(n, "", "019abf00-0000-7000-8000-000000000000")
	for _, x := range answers {
		if x.status == n && p.Detail == "" {
			p.Detail = x.detail
		}
	}
	if n == http.StatusUnprocessableEntity {
		p.Errors = []fault{{"body.customer.phones[0]", "is not a telephone number"}}
	}
	return p
}

// example builds a whole example out of those of the fields.
func (a *API) example(s *huma.Schema) any {
	if s.Ref != "" {
		s = a.huma.OpenAPI().Components.Schemas.SchemaFromRef(s.Ref)
	}
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case s.Type == huma.TypeArray:
		return []any{a.example(s.Items)}
	case s.Type != huma.TypeObject:
		return nil
	}
	out := make(map[string]any, len(s.Properties))
	for name, p := range s.Properties {
		if v := a.example(p); v != nil {
			out[name] = v
		}
	}
	return out
}
