package outlook

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// runRows is how many rows are sorted in memory; more go to temporary files.
const runRows = 20_000

// sorter puts rows in order of time in bounded memory.
type sorter struct {
	rows []Row
	runs []*spool
}

// compare orders rows: by time, then by whom and what they are about.
func compare(a, b *Row) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Contact, b.Contact), cmp.Compare(a.Program, b.Program), cmp.Compare(a.Step, b.Step), cmp.Compare(a.Occasion, b.Occasion))
}

func (s *sorter) add(r *Row) error {
	s.rows = append(s.rows, *r)
	if len(s.rows) < runRows {
		return nil
	}
	s.sort()
	run, err := newSpool()
	if err != nil {
		return err
	}
	s.runs = append(s.runs, run)
	for i := range s.rows {
		if err := run.write(0, &s.rows[i]); err != nil {
			return err
		}
	}
	s.rows = s.rows[:0]
	return nil
}

func (s *sorter) sort() {
	slices.SortStableFunc(s.rows, func(a, b Row) int { return compare(&a, &b) })
}

// each gives the rows in order.
func (s *sorter) each(do func(*Row) error) error {
	s.sort()
	if len(s.runs) == 0 {
		for i := range s.rows {
			if err := do(&s.rows[i]); err != nil {
				return err
			}
		}
		return nil
	}
	var heads merge
	rest := s.rows
	sources := []func() (Row, error){func() (r Row, err error) {
		if len(rest) == 0 {
			return r, io.EOF
		}
		r, rest = rest[0], rest[1:]
		return r, nil
	}}
	for _, run := range s.runs {
		read, err := run.reader()
		if err != nil {
			return err
		}
		sources = append(sources, func() (Row, error) {
			_, line, err := read()
			if err != nil {
				return Row{}, err
			}
			return decode(line)
		})
	}
	for _, next := range sources {
		if err := heads.push(next); err != nil {
			return err
		}
	}
	for len(heads) > 0 {
		h := heap.Pop(&heads).(head)
		if err := do(&h.row); err != nil {
			return err
		}
		if err := heads.push(h.next); err != nil {
			return err
		}
	}
	return nil
}

func (s *sorter) close() {
	for _, run := range s.runs {
		run.close()
	}
	s.rows, s.runs = nil, nil
}

// head is the first row of a run that is left, and how the next is read.
type head struct {
	row  Row
	next func() (Row, error)
}

type merge []head

func (m merge) Len() int           { return len(m) }
func (m merge) Less(i, j int) bool { return compare(&m[i].row, &m[j].row) < 0 }
func (m merge) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }

// Push implements heap.Interface.
func (m *merge) Push(x any) { *m = append(*m, x.(head)) }

// Pop implements heap.Interface.
func (m *merge) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}

func (m *merge) push(next func() (Row, error)) error {
	r, err := next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	heap.Push(m, head{r, next})
	return nil
}

// spool is a temporary file of rows, each with the number of its group before it. It has
// no name: it is gone with the process.
type spool struct {
	file *os.File
	out  *bufio.Writer
}

func newSpool() (*spool, error) {
	f, err := os.CreateTemp("", "otklik-plan-*")
	if err != nil {
		return nil, fmt.Errorf("keeping rows of a plan: %w", err)
	}
	// Where a file that is open cannot be removed, close does it.
	_ = os.Remove(f.Name())
	return &spool{file: f, out: bufio.NewWriterSize(f, 64<<10)}, nil
}

// groupDigits is how the number of a group is written, so that a row of another group
// is passed over without reading it.
const groupDigits = 4

func (s *spool) write(group int, r *Row) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("keeping rows of a plan: %w", err)
	}
	if _, err = fmt.Fprintf(s.out, "%0*d%s\n", groupDigits, group, line); err != nil {
		return fmt.Errorf("keeping rows of a plan: %w", err)
	}
	return nil
}

// reader reads from the beginning; any number of readers may read at once when nothing
// is written any more.
func (s *spool) reader() (func() (group int, line []byte, err error), error) {
	if err := s.out.Flush(); err != nil {
		return nil, fmt.Errorf("keeping rows of a plan: %w", err)
	}
	in := bufio.NewScanner(io.NewSectionReader(s.file, 0, 1<<62))
	in.Buffer(make([]byte, 16<<10), 1<<20)
	return func() (group int, line []byte, err error) {
		if !in.Scan() {
			return 0, nil, cmp.Or(in.Err(), io.EOF)
		}
		line = in.Bytes()
		if len(line) < groupDigits {
			return 0, nil, io.ErrUnexpectedEOF
		}
		for _, c := range line[:groupDigits] {
			group = group*10 + int(c-'0')
		}
		return group, line[groupDigits:], nil
	}, nil
}

func decode(line []byte) (r Row, err error) {
	if err = json.Unmarshal(line, &r); err != nil {
		err = fmt.Errorf("reading rows of a plan: %w", err)
	}
	return r, err
}

func (s *spool) close() {
	_ = s.file.Close()
	_ = os.Remove(s.file.Name()) // gone already, except where open files cannot be removed
}
