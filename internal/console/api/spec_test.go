package api_test

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// spec is an OpenAPI document as JSON, read without huma: the judge of answers
// should not be the one who wrote them.
type spec map[string]any

// problems lists what is wrong with an answer by the document.
func (d spec) problems(method, path string, status int, contentType string, body []byte) []string {
	op, ok := dig(d, "paths", path, strings.ToLower(method)).(map[string]any)
	if !ok {
		return []string{method + " " + path + " is not in the document"}
	}
	media, ok := dig(op, "responses", fmt.Sprint(status), "content", contentType).(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s %s: %d with %s is not in the document", method, path, status, contentType)}
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return []string{err.Error()}
	}
	schema, _ := media["schema"].(map[string]any)
	return d.check(schema, v, "body")
}

func dig(v any, keys ...string) any {
	for _, k := range keys {
		m, ok := v.(map[string]any)
		if s, isSpec := v.(spec); isSpec {
			m, ok = s, true
		}
		if !ok {
			return nil
		}
		v = m[k]
	}
	return v
}

func (d spec) resolve(schema map[string]any) (map[string]any, bool) {
	ref, ok := schema["$ref"].(string)
	if !ok {
		return schema, schema != nil
	}
	found, ok := dig(d, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...).(map[string]any)
	return found, ok
}

// check holds a value to a schema: the keywords this document uses.
func (d spec) check(schema map[string]any, v any, at string) []string {
	schema, ok := d.resolve(schema)
	if !ok {
		return []string{at + ": no schema"}
	}
	if any1, ok := schema["oneOf"].([]any); ok {
		fits := 0
		for _, s := range any1 {
			if len(d.check(s.(map[string]any), v, at)) == 0 {
				fits++
			}
		}
		if fits != 1 {
			return []string{fmt.Sprintf("%s: fits %d of oneOf", at, fits)}
		}
		return nil
	}
	if !isType(schema["type"], v) {
		return []string{fmt.Sprintf("%s: %v is not of type %v", at, v, schema["type"])}
	}
	var out []string
	if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, v) {
		out = append(out, fmt.Sprintf("%s: %v is not in %v", at, v, enum))
	}
	switch v := v.(type) {
	case string:
		out = append(out, checkText(schema, v, at)...)
	case []any:
		items, _ := schema["items"].(map[string]any)
		for i, x := range v {
			out = append(out, d.check(items, x, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case map[string]any:
		out = append(out, d.checkObject(schema, v, at)...)
	}
	return out
}

func (d spec) checkObject(schema, v map[string]any, at string) []string {
	var out []string
	required, _ := schema["required"].([]any)
	for _, r := range required {
		if _, ok := v[r.(string)]; !ok {
			out = append(out, fmt.Sprintf("%s: no %v", at, r))
		}
	}
	for k, x := range v {
		p, ok := dig(schema, "properties", k).(map[string]any)
		if !ok {
			out = append(out, fmt.Sprintf("%s: %s is not described", at, k))
			continue
		}
		out = append(out, d.check(p, x, at+"."+k)...)
	}
	return out
}

func checkText(schema map[string]any, v, at string) []string {
	var err error
	switch schema["format"] {
	case "date-time":
		_, err = time.Parse(time.RFC3339, v)
	case "uuid":
		err = uuid.Validate(v)
	}
	if err != nil {
		return []string{at + ": " + err.Error()}
	}
	if p, ok := schema["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(v) {
		return []string{at + ": does not match " + p}
	}
	for limit, wrong := range map[string]func(n float64) bool{
		"minLength": func(n float64) bool { return float64(len([]rune(v))) < n },
		"maxLength": func(n float64) bool { return float64(len([]rune(v))) > n },
	} {
		if n, ok := schema[limit].(float64); ok && wrong(n) {
			return []string{at + ": " + limit}
		}
	}
	return nil
}

func isType(types, v any) bool {
	switch t := types.(type) {
	case nil:
		return true
	case []any:
		return slices.ContainsFunc(t, func(x any) bool { return isType(x, v) })
	case string:
		n, number := v.(float64)
		switch t {
		case "null":
			return v == nil
		case "boolean":
			_, ok := v.(bool)
			return ok
		case "string":
			_, ok := v.(string)
			return ok
		case "number":
			return number
		case "integer":
			return number && n == math.Trunc(n)
		case "array":
			_, ok := v.([]any)
			return ok
		case "object":
			_, ok := v.(map[string]any)
			return ok
		}
	}
	return false
}
