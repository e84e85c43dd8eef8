package program_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"otklik/internal/program"
)

// sound is a program without a mistake, which the rows of TestEveryCode break.
const sound = `id: sound
trigger: dates
on:
  - day: "03-08"
start: "on"
responsible: marketer
audience: {gender: female, prospects: only}
steps:
  - {id: ask, purpose: survey, survey: csi, channels: [sms], earliest: 1h, target: 2h, deadline: 3h}
  - {id: call, purpose: survey, channels: [phone], unless: answered, late: skip, owner: operator}
`

// TestEveryCode: each thing that Parse finds has a code with its line and step, and each
// code is found.
func TestEveryCode(t *testing.T) {
	if _, err := program.Parse("sound.yaml", []byte(sound)); err != nil {
		t.Fatal(err)
	}
	raised := map[string]int{}
	for code, x := range map[string]struct {
		old, new string
		line     int
		step     string
	}{
		"program_id": {"id: sound\n", "", 0, ""}, "program_trigger": {"trigger: dates\n", "", 0, ""}, "program_responsible": {"responsible: marketer\n", "", 0, ""},
		"program_steps": {sound[strings.Index(sound, "steps:"):], "", 0, ""}, "program_start": {`start: "on"`, "start: maybe", 5, ""}, "program_launch": {"steps:", "launch: cat\nsteps:", 8, ""},
		"program_on": {"trigger: dates", "trigger: birthday", 3, ""}, "day_or_holiday": {`- day: "03-08"`, "- {}", 3, ""}, "day": {"03-08", "13-08", 3, ""}, "date": {"03-08", "2027-13-01", 3, ""},
		"offset": {"earliest: 1h", "earliest: soon", 9, ""}, "audience_gender": {"gender: female", "gender: f", 7, ""}, "audience_among": {"prospects: only", "prospects: never", 7, ""},
		"program_event": {"trigger: dates\non:\n  - day: \"03-08\"\n", "trigger: visit_complete\n", 2, ""}, "program_cancel": {"steps:", "cancel: [car_ready, car_redy]\nsteps:", 8, ""}, "program_role": {"responsible: marketer", "responsible: markter", 6, ""},
		"step_channel": {"channels: [sms]", "channels: [sms, telegramm]", 9, "ask"}, "step_kind": {"unless: answered", "task: no_show", 10, "call"}, "step_owner": {"owner: operator", "owner: operater", 10, "call"},
		"step_id": {"id: call", "id: ask", 10, "ask"}, "step_channels": {"channels: [sms]", "channels: []", 9, "ask"}, "step_phone": {"channels: [sms]", "channels: [sms, phone]", 9, "ask"},
		"step_paper": {"channels: [sms]", "channels: [sms, paper]", 9, "ask"}, "step_typist": {"channels: [phone], unless: answered, late: skip, owner: operator", "channels: [paper], owner: marketer", 10, "call"},
		"step_purpose": {"purpose: survey, survey", "purpose: fun, survey", 9, "ask"}, "step_empty": {"survey: csi, ", "", 9, "ask"}, "step_advisor": {"owner: operator", "owner: advisor", 10, "call"},
		"step_task": {"survey: csi", "survey: csi, task: x", 9, "ask"}, "step_times": {"target: 2h", "target: 4h", 9, "ask"}, "step_unless": {"unless: answered", "unless: bored", 10, "call"}, "step_late": {"late: skip", "late: never", 10, "call"},
	} {
		_, err := program.Parse("x.yaml", []byte(strings.Replace(sound, x.old, x.new, 1)))
		var r *program.Refused
		if !errors.As(err, &r) {
			t.Errorf("%s: %v", code, err)
			continue
		}
		found := false
		for _, p := range r.Problems {
			if p.Code == "" || p.Text == "" || strings.Contains(p.Text, "%!") || !strings.Contains(err.Error(), p.Text) {
				t.Errorf("%s: %+v of %v", code, p, err)
			}
			raised[p.Code] = len(p.Args)
			found = found || p.Code == code && p.Line == x.line && p.Step == x.step
		}
		if !found {
			t.Errorf("%s is not found: %+v", code, r.Problems)
		}
	}
	if diff := cmp.Diff(program.Codes(), raised); diff != "" {
		t.Errorf("codes and how many args (-listed +found):\n%s", diff)
	}
}

// TestWhatTheCommandLineSays: each mistake as FILE:LINE: what, as docs/definitions.md says.
func TestWhatTheCommandLineSays(t *testing.T) {
	for content, want := range map[string]string{
		"id: a\nbegins: x\n": "x.yaml:2: field begins not found in type program.Definition",
		"id: [":              "x.yaml:2: did not find expected node content",
		strings.Replace(sound, "earliest: 1h", "earliest: soon", 1):                       `x.yaml:9: "soon" is not an offset like 24h, 3d 10:00, 7wd, 1mo or -1d 18:00`,
		strings.NewReplacer("03-08", "13-08", "late: skip", "late: never").Replace(sound): "x.yaml:3: on: day \"13-08\" is not a day like 03-08\nx.yaml:10: step call: late \"never\" is none of skip, send, ask",
	} {
		if _, err := program.Parse("x.yaml", []byte(content)); err == nil || err.Error() != want {
			t.Errorf("said is %v\nwant %s", err, want)
		}
	}
	for audience, want := range map[string]string{"gender: f": `audience: gender "f" is neither female nor male`, "age: 4": "reading an audience: yaml: unmarshal errors:\n  line 1: field age not found in type program.Audience"} {
		_, err := program.ParseAudience(audience)
		var r *program.Refused
		if err == nil || err.Error() != want || !errors.As(err, &r) || len(r.Problems) != 1 || r.Problems[0].Code == "" {
			t.Errorf("said is %v\nwant %s", err, want)
		}
	}
}
