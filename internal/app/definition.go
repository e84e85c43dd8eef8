package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"otklik/internal/program"
	"otklik/internal/render"
	"otklik/internal/store"
	"otklik/internal/survey"
	"otklik/templates"
)

// Kinds of definitions.
const (
	kindSurvey  = "survey"
	kindProgram = "program"
)

// Sources of a definition's version.
const (
	sourceShipped = "shipped"
	sourceFolder  = "folder"
)

// file is one definition as a file states it.
type file struct {
	id, name, source string
	content          string
	// changed is when a file of the folder was last written.
	changed time.Time
}

// library settles which version of each definition is in force. The database holds
// the versions and is the truth; shipped files and those of the folder come in as
// new versions when their content has changed.
type library struct {
	store *store.Store
	now   time.Time
	// problems are what a person has to look at; none of them stops the program.
	problems []string
}

// kindOf is one kind of definitions: its folder, and how a content becomes one in
// force. use refuses what is broken and changes nothing then.
type kindOf struct {
	kind, dir string
	use       func(f file, version int) error
}

// readDefinitions takes in what is shipped, what stands in the folder and what the
// database knows beyond both, then leaves out programs that cannot start.
func (a *App) readDefinitions(ctx context.Context) error {
	a.reading.Lock()
	defer a.reading.Unlock()
	lib := &library{store: a.store, now: a.clock.Business()}
	surveys := kindOf{kindSurvey, "surveys", func(f file, version int) error { return useSurvey(a.renderer, f, version) }}
	if err := lib.read(ctx, surveys, a.config.Definitions); err != nil {
		return err
	}
	if err := a.readPrograms(ctx, lib); err != nil {
		return err
	}
	a.tell(lib.problems)
	return nil
}

// tell logs what a person has to look at, once as long as it stands.
func (a *App) tell(problems []string) {
	for _, p := range problems {
		if !slices.Contains(a.problems, p) {
			a.log.Error("a definition needs a person", "problem", p)
		}
	}
	a.problems = problems
}

// readPrograms puts programs in force, without those that cannot start.
func (a *App) readPrograms(ctx context.Context, lib *library) error {
	into := map[string]*program.Definition{}
	programs := kindOf{kindProgram, "programs", func(f file, version int) error { return useProgram(into, f, version) }}
	if err := lib.read(ctx, programs, a.config.Definitions); err != nil {
		return err
	}
	locales := a.dealerLocales()
	var all []program.Listed
	for _, id := range sorted(into) {
		x := program.Listed{Definition: into[id], Missing: program.Launch(into[id], a.texts(), locales)}
		if all = append(all, x); len(x.Missing) > 0 {
			lib.problems = append(lib.problems, fmt.Sprintf("program %s does not start: %s", id, program.Said(x.Missing, "; ")))
			delete(into, id)
		}
	}
	a.programs.Store(&into)
	a.listed.Store(&all)
	return nil
}

// dealerLocales are the languages that a program must be able to speak.
func (a *App) dealerLocales() []string {
	var locales []string
	for _, d := range a.roster.Dealers() {
		if !slices.Contains(locales, d.Locale) {
			locales = append(locales, d.Locale)
		}
	}
	slices.Sort(locales)
	return locales
}

// texts is what programs refer to.
func (a *App) texts() program.Texts {
	return program.Texts{Survey: a.survey, Message: a.renderer.MessageLocales, Book: a.calendar}
}

// definitionLoop puts definitions in force that a person on any node has changed.
func (a *App) definitionLoop(ctx context.Context) {
	known, err := a.definitionCount(ctx)
	for ctx.Err() == nil {
		pause(ctx, definitionsEvery, nil)
		n, next := a.definitionCount(ctx)
		if next == nil && err == nil && n != known {
			next = a.readDefinitions(ctx)
		}
		if next != nil && ctx.Err() == nil {
			a.log.Warn("changed definitions could not be read", "error", next)
		} else if next == nil {
			known = n
		}
		err = next
	}
}

func (a *App) definitionCount(ctx context.Context) (int, error) {
	surveys, err := a.store.DefinitionCount(ctx, kindSurvey)
	if err != nil {
		return 0, err
	}
	programs, err := a.store.DefinitionCount(ctx, kindProgram)
	return surveys + programs, err
}

// definitionsEvery is how soon a changed definition is in force on every node.
const definitionsEvery = 5 * time.Second

func sorted[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func useSurvey(r *render.Renderer, f file, version int) error {
	def, err := survey.Parse(f.name, []byte(f.content))
	if err != nil {
		return err
	}
	if def.ID != f.id {
		return fmt.Errorf("%s:1: id %q differs from the file's name", f.name, def.ID)
	}
	if version > 0 {
		def.Version = version
	}
	return r.Put(def)
}

func useProgram(into map[string]*program.Definition, f file, version int) error {
	p, err := program.Parse(f.name, []byte(f.content))
	if err != nil {
		return err
	}
	if p.ID != f.id {
		return fmt.Errorf("%s:1: id %q differs from the file's name", f.name, p.ID)
	}
	p.Version = version
	into[p.ID] = p
	return nil
}

// read settles all definitions of a kind.
func (l *library) read(ctx context.Context, k kindOf, folder string) error {
	versions, err := l.store.DefinitionVersions(ctx, k.kind)
	if err != nil {
		return err
	}
	shipped, err := filesIn(templates.FS, k.dir, k.dir, sourceShipped)
	if err != nil {
		return err
	}
	own := map[string]file{}
	if folder != "" {
		if own, err = filesIn(os.DirFS(folder), k.dir, filepath.Join(folder, k.dir), sourceFolder); err != nil {
			l.problems = append(l.problems, err.Error())
		}
	}
	ids := map[string]bool{}
	for _, m := range []map[string]file{shipped, own} {
		for id := range m {
			ids[id] = true
		}
	}
	for id := range versions {
		ids[id] = true
	}
	for _, id := range sorted(ids) {
		if err := l.settle(ctx, k, versions[id], shipped[id], own[id], id); err != nil {
			return err
		}
	}
	return nil
}

func filesIn(fsys fs.FS, dir, shown, source string) (map[string]file, error) {
	out := map[string]file{}
	names, err := fs.Glob(fsys, dir+"/*.yaml")
	if err != nil {
		return out, fmt.Errorf("listing %s: %w", shown, err)
	}
	var errs []error
	for _, n := range names {
		content, err := fs.ReadFile(fsys, n)
		if err != nil {
			errs = append(errs, fmt.Errorf("reading %s: %w", shown, err))
			continue
		}
		base := filepath.Base(n)
		f := file{id: strings.TrimSuffix(base, ".yaml"), name: filepath.Join(shown, base), source: source, content: string(content)}
		if st, err := fs.Stat(fsys, n); err == nil {
			f.changed = st.ModTime()
		}
		out[f.id] = f
	}
	return out, errors.Join(errs...)
}

// settle puts one definition in force: the file of the folder, else the shipped one,
// as a new version where its content is new; the database's newest version where that
// is newer than the file, or where the file is broken.
func (l *library) settle(ctx context.Context, k kindOf, versions []store.DefinitionVersion, shipped, own file, id string) error {
	f := own
	if f.content == "" {
		f = shipped
	}
	if f.content != "" {
		if err := k.use(f, 0); err != nil {
			if f.source == sourceShipped {
				return err // a binary with broken texts does not start
			}
			l.problems = append(l.problems, fmt.Sprintf("%s; the last good version is used", err))
			f, own = shipped, file{}
		}
	}
	if f.content != "" && len(versions) == 0 {
		return l.save(ctx, k, f)
	}
	if len(versions) == 0 {
		return nil // a broken file of which no good version is known
	}
	latest := versions[len(versions)-1]
	switch hash := store.HashToken(f.content); {
	case f.content == "":
	case hash == latest.Hash:
		return k.use(f, latest.Version)
	case l.mayReplace(f, hash, versions):
		return l.save(ctx, k, f)
	case own.content != "" || changedSince(hash, versions):
		l.problems = append(l.problems, fmt.Sprintf("%s: the database has a newer version %d of %s %s, from %s; it stays in force, the file does not (otklik definitions use FILE makes a file the newest)", f.name, latest.Version, k.kind, id, latest.Source))
	}
	return l.stored(ctx, k, latest, shipped)
}

func (l *library) save(ctx context.Context, k kindOf, f file) error {
	n, err := l.store.Version(ctx, k.kind, f.id, f.content, store.HashToken(f.content), f.source, l.now)
	if err != nil {
		return err
	}
	return k.use(f, n)
}

// mayReplace tells whether a file with other content than the newest version becomes
// the next one. What the console wrote is never replaced, what the folder brought
// not by what is shipped; and a file that stood here before, and was not written
// since, is older than the newest version.
func (l *library) mayReplace(f file, hash string, versions []store.DefinitionVersion) bool {
	latest := versions[len(versions)-1]
	switch {
	case latest.Source == sourceShipped && f.source == sourceShipped:
		return true
	case f.source != sourceFolder || latest.Source != sourceShipped && latest.Source != sourceFolder:
		return false
	}
	return changedSince(hash, versions) || f.changed.After(latest.At)
}

// changedSince tells whether a content is none of the versions.
func changedSince(hash string, versions []store.DefinitionVersion) bool {
	return !slices.ContainsFunc(versions, func(v store.DefinitionVersion) bool { return v.Hash == hash })
}

// stored puts a version of the database in force; where this binary cannot read it,
// the shipped one.
func (l *library) stored(ctx context.Context, k kindOf, v store.DefinitionVersion, shipped file) error {
	content, err := l.store.Definition(ctx, k.kind, v.ID, v.Version)
	if err != nil {
		return fmt.Errorf("reading version %d of %s %s: %w", v.Version, k.kind, v.ID, err)
	}
	err = k.use(file{id: v.ID, name: fmt.Sprintf("%s %s, version %d", k.kind, v.ID, v.Version), content: content}, v.Version)
	if err == nil {
		return nil
	}
	l.problems = append(l.problems, err.Error())
	if shipped.content == "" {
		return nil
	}
	return k.use(shipped, 0)
}

// UseDefinition makes a file the newest version of its definition, whatever the
// database has; the definition's id is the file's name.
func (a *App) UseDefinition(ctx context.Context, name string) error {
	content, err := os.ReadFile(name) //nolint:gosec // the operator names his own file
	if err != nil {
		return err
	}
	f := file{id: strings.TrimSuffix(filepath.Base(name), ".yaml"), name: name, source: sourceFolder, content: string(content)}
	k := kindOf{kind: kindSurvey, use: func(f file, version int) error { return useSurvey(a.renderer, f, version) }}
	if isProgram(content) {
		k = kindOf{kind: kindProgram, use: func(f file, version int) error { return useProgram(map[string]*program.Definition{}, f, version) }}
	}
	if err := k.use(f, 0); err != nil {
		return err
	}
	lib := &library{store: a.store, now: a.clock.Business()}
	return lib.save(ctx, k, f)
}
