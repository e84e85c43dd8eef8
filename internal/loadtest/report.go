package main

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"otklik/channels"
)

// report is what is printed of a measurement: Markdown, that reads as well on a
// terminal.
type report struct {
	options
	filled  filled
	columns []column
	machine machine
	// until says what ends the time that rates are over.
	until string
}

// column is what was measured in turn with the others.
type column struct {
	name string
	runs []measurement
}

// machine names what a figure was measured on.
type machine struct {
	Processor string
	Cores     int
	Date      string
	Versions  []string
}

func (b *bench) machine(ctx context.Context) (machine, error) {
	m := machine{Processor: processor(), Cores: runtime.NumCPU(), Date: time.Now().Format(time.DateOnly), Versions: []string{runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}}
	engine, text, url := "SQLite ", "select sqlite_version()", "sqlite:"+b.databases.file(campaignName)
	if b.databases.pg != nil {
		engine, text, url = "PostgreSQL ", "select current_setting('server_version')", b.databases.pg.url
	}
	err := query(ctx, url, text, func(rows *sql.Rows) error {
		var version string
		err := rows.Scan(&version)
		version, _, _ = strings.Cut(version, " ")
		m.Versions = append(m.Versions, engine+version)
		return err
	})
	if err != nil || b.cache == nil {
		return m, err
	}
	info, err := b.cache.InfoMap(ctx, "server").Result()
	if err != nil {
		return m, fmt.Errorf("asking Redis: %w", err)
	}
	m.Versions = append(m.Versions, "Redis "+info["Server"]["redis_version"])
	return m, nil
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, %s, %s", m.Processor, m.Cores, strings.Join(m.Versions, ", "), m.Date)
}

func (r *report) ok() bool {
	for _, c := range r.columns {
		if slices.ContainsFunc(c.runs, func(m measurement) bool { return !m.ok() }) {
			return false
		}
	}
	return true
}

// quantity is a row of the report. A dash stands for zero where zero means that it
// could not be measured.
type quantity struct {
	name   string
	of     func(measurement) float64
	digits int
	dash   bool
}

func quantities() []quantity {
	// perThousand is processor seconds for 1,000 messages at the sink.
	perThousand := func(of func(measurement) time.Duration) func(measurement) float64 {
		return func(m measurement) float64 { return of(m).Seconds() * 1000 / float64(max(1, m.Received)) }
	}
	number := func(of func(measurement) int) func(measurement) float64 {
		return func(m measurement) float64 { return float64(of(m)) }
	}
	return []quantity{
		{"messages/s", measurement.rate, 0, false},
		{"start to first message, s", func(m measurement) float64 { return m.Startup.Seconds() }, 2, false},
		{"CPU s per 1,000: sending processes", perThousand(func(m measurement) time.Duration { return m.Program.CPU }), 4, false},
		{"CPU s per 1,000: database", perThousand(func(m measurement) time.Duration { return m.Database }), 4, true},
		{"CPU s per 1,000: these together", perThousand(func(m measurement) time.Duration { return m.Program.CPU + m.Database }), 4, false},
		{"CPU s per 1,000: Redis", perThousand(func(m measurement) time.Duration { return m.Redis }), 4, true},
		{"CPU s per 1,000: sink", perThousand(func(m measurement) time.Duration { return m.Sink }), 4, false},
		{"peak memory of a process, MiB", func(m measurement) float64 { return float64(m.Program.Peak) / (1 << 20) }, 0, true},
		{"received", number(func(m measurement) int { return m.Received }), 0, false},
		{"doubled", number(func(m measurement) int { return m.Doubled }), 0, false},
		{"people without a message", number(func(m measurement) int { return m.Missing }), 0, false},
		{"called sent, not received", number(func(m measurement) int { return m.Lost }), 0, false},
		{"received, not called sent", number(func(m measurement) int { return m.Unrecorded }), 0, false},
	}
}

func (m measurement) rate() float64 { return m.Rate }

// write prints the table and what stands beside it.
func (r *report) write(w io.Writer) {
	fmt.Fprintf(w, "%s: %s messages, %s\n\n", r.title(), decimal(float64(r.messages), 0), r.machine)
	head, ratios := []string{""}, []string{"against the " + r.columns[0].name}
	each := []string{"CPU s of each process"}
	for _, c := range r.columns {
		head, ratios, each = append(head, c.name), append(ratios, r.ratio(c)), append(each, c.each())
	}
	rows := [][]string{head}
	for i, q := range quantities() {
		cells := []string{q.name}
		for _, c := range r.columns {
			cells = append(cells, c.tell(q))
		}
		if rows = append(rows, cells); i == 0 {
			rows = append(rows, ratios)
		}
	}
	if strings.Join(each[1:], "") != "" {
		rows = append(rows, each)
	}
	table(w, rows)
	last := r.columns[len(r.columns)-1].runs
	fmt.Fprintf(w, "\nRows by state after the last run: %s.\n", tellStates(last[len(last)-1].States))
	fmt.Fprintf(w, "Planning: %s contacts/s (%s outreach rows in %.1f s); visits stored before it: %s/s.\n",
		perSecond(r.messages, r.filled.Planning), decimal(float64(r.filled.Planned), 0), r.filled.Planning.Seconds(), perSecond(r.messages, r.filled.Saving))
	fmt.Fprintf(w, "Rates are from the first message at the sink %s.\n", r.until)
	if r.runs > 1 {
		fmt.Fprintf(w, "%d runs in turn: least / median / most.\n", r.runs)
	}
}

func perSecond(n int, d time.Duration) string { return decimal(float64(n)/d.Seconds(), 0) }

func (r *report) title() string {
	title := map[channels.Kind]string{channels.Email: "Email", channels.SMS: "SMS"}[r.channel] + " on " + map[string]string{"sqlite": "SQLite", "postgres": "PostgreSQL"}[r.engine]
	if r.redis {
		title += " and Redis"
	}
	if r.delay > 0 {
		title += fmt.Sprintf(", each answer after %v", r.delay)
	}
	return title
}

// ratio is a column's rate by the first column's of the same turn.
func (r *report) ratio(c column) string {
	var ratios figures
	for i, m := range c.runs {
		ratios = append(ratios, m.Rate/r.columns[0].runs[i].Rate)
	}
	slices.Sort(ratios)
	return ratios.format(2)
}

func (c column) tell(q quantity) string {
	var f figures
	for _, m := range c.runs {
		f = append(f, q.of(m))
	}
	slices.Sort(f)
	if q.dash && f[len(f)-1] == 0 {
		return "–"
	}
	return f.format(q.digits)
}

// each lists the last run's nodes, so that one can see whether all had work.
func (c column) each() string {
	var parts []string
	for _, d := range c.runs[len(c.runs)-1].Each {
		parts = append(parts, decimal(d.Seconds(), 1))
	}
	return strings.Join(parts, ", ")
}

// figures are one quantity over the runs, sorted.
type figures []float64

// format is the figure, or least / median / most.
func (f figures) format(digits int) string {
	least, median, most := f[0], f[len(f)/2], f[len(f)-1]
	if least == most {
		return decimal(least, digits)
	}
	if len(f)%2 == 0 {
		median = (f[len(f)/2-1] + median) / 2
	}
	return decimal(least, digits) + " / " + decimal(median, digits) + " / " + decimal(most, digits)
}

// decimal groups thousands.
func decimal(v float64, digits int) string {
	text := fmt.Sprintf("%.*f", digits, v)
	whole, fraction, found := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if found {
		return whole + "." + fraction
	}
	return whole
}

func tellStates(states map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(states)) {
		parts = append(parts, fmt.Sprintf("%s %s", name, decimal(float64(states[name]), 0)))
	}
	return cmp.Or(strings.Join(parts, ", "), "none")
}

// table writes rows as a Markdown table whose columns line up; the first row is
// its head.
func table(w io.Writer, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for i, r := range rows {
		for k, cell := range r {
			pad := strings.Repeat(" ", widths[k]-utf8.RuneCountInString(cell))
			if k == 0 {
				fmt.Fprint(w, "| "+cell+pad+" |")
			} else {
				fmt.Fprint(w, " "+pad+cell+" |")
			}
		}
		fmt.Fprintln(w)
		if i > 0 {
			continue
		}
		for k, width := range widths {
			rule := strings.Repeat("-", width)
			if k == 0 {
				fmt.Fprint(w, "| "+rule+" |")
			} else {
				fmt.Fprint(w, " "+rule[:width-1]+": |")
			}
		}
		fmt.Fprintln(w)
	}
}
