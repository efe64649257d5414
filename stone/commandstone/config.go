package commandstone

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/stone/internal/conf"
	"github.com/riverstones/riverstones/stone/internal/render"
)

// Config says which commands a stone may run. Code and Commands are required.
type Config struct {
	Code        string         `json:"code"`
	DisplayName string         `json:"displayName"`
	Description string         `json:"description"`
	Service     string         `json:"service"`
	Version     string         `json:"version"`
	BusinessKey string         `json:"businessKey"`
	Params      []stone.Param  `json:"params"` // besides command, which the stone declares itself
	Outputs     []stone.Output `json:"outputs"`

	// Commands is the allow-list. A task picks one with its parameter command,
	// which may be left out where there is only one.
	Commands map[string]Command `json:"commands"`

	// Grace is how long a process group may take to end after SIGTERM, before
	// SIGKILL; 10 s by default.
	Grace time.Duration `json:"grace"`
	// MaxLine bounds a log line in bytes, 4096 by default; the rest of a longer
	// line is dropped.
	MaxLine int `json:"maxLine"`
	// MaxLines bounds the log lines of one run, 1000 by default; the output
	// after that is dropped.
	MaxLines int `json:"maxLines"`

	// Environ is the environment of the program, as [os.Environ] has it, from
	// which the allow-lists of the commands pick.
	Environ []string `json:"-"`
}

// Command is what start runs, and what the other methods run, if anything.
// Cancel needs no command: it stops the process group of start.
type Command struct {
	Exec

	Rollback *Exec `json:"rollback"`
	Delete   *Exec `json:"delete"`
	Mock     *Exec `json:"mock"`
}

// Exec is one program with its arguments. No shell is involved.
//
// Args and Set are templates ([text/template]) over .params, .outputs and
// .task (id, taskId, processInstanceId, name, namespace, stone, businessKey,
// method, attempt, key). Each entry of Args becomes exactly one argument,
// whatever its values hold; objects and arrays become JSON. A key that is
// missing fails the task for good, and so does a value that makes an option
// ("-x") out of an argument that is none. Arguments can be seen by other users
// of the machine: give secrets to Set or Stdin.
type Exec struct {
	Path string   `json:"path"` // absolute
	Args []string `json:"args"`
	// Env names the variables that are passed on from Config.Environ. Nothing
	// else is, and PATH is set to the usual places when it is not named.
	Env []string          `json:"env"`
	Set map[string]string `json:"set"` // further variables
	Dir string            `json:"dir"` // working directory, absolute; by default a new one that is removed afterwards
	// Stdin writes the params, one JSON object, to standard input.
	Stdin bool `json:"stdin"`
	// Retryable are exit codes after which the command is tried again. 0 is
	// success, any other code fails for good.
	Retryable []int `json:"retryable"`
	// Timeout ends the command, which is then tried again; 0 for none.
	Timeout time.Duration `json:"timeout"`
}

// Parse reads a Config from YAML or JSON. Durations are written as "30s".
// Unknown names are errors.
func Parse(doc []byte) (Config, error) {
	var c Config
	if err := conf.Decode(doc, &c); err != nil {
		return c, fmt.Errorf("read command stone: %w", err)
	}
	return c, nil
}

func (c Config) withDefaults() Config {
	if c.Grace == 0 {
		c.Grace = 10 * time.Second
	}
	if c.MaxLine == 0 {
		c.MaxLine = 4096
	}
	if c.MaxLines == 0 {
		c.MaxLines = 1000
	}
	return c
}

func (c Config) validate() error {
	switch {
	case c.Code == "":
		return errors.New("code is missing")
	case len(c.Commands) == 0:
		return errors.New("commands is empty")
	case c.Grace < 0 || c.MaxLine < 0 || c.MaxLines < 0:
		return errors.New("grace, maxLine and maxLines must not be negative")
	}
	return nil
}

// declare returns the declared parameters, command first.
func (c Config) declare() []stone.Param {
	p := stone.Param{Name: "command", Type: stone.String, Description: "what to run"}
	names := slices.Sorted(maps.Keys(c.Commands))
	for _, n := range names {
		quoted, _ := jsontext.AppendQuote(nil, n) // invalid UTF-8 can not come out of Parse
		p.AllowedValues = append(p.AllowedValues, quoted)
	}
	if len(names) == 1 {
		p.Default = p.AllowedValues[0]
	} else {
		p.Required = true
	}
	return append([]stone.Param{p}, c.Params...)
}

// program is a compiled [Exec].
type program struct {
	Exec

	args []argument
	set  map[string]*render.Template
	env  map[string]string // what is passed on
}

type argument struct {
	tmpl   *render.Template
	option bool // written with a leading dash
}

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func compile(e Exec, environ []string) (*program, error) {
	p := &program{Exec: e, set: map[string]*render.Template{}, env: map[string]string{"PATH": defaultPath}}
	if err := e.checkFiles(); err != nil {
		return nil, err
	}
	if e.Timeout < 0 {
		return nil, errors.New("timeout must not be negative")
	}
	for _, code := range e.Retryable {
		if code < 1 || code > 255 {
			return nil, fmt.Errorf("retryable: %d is no exit code of a failure", code)
		}
	}
	for i, src := range e.Args {
		t, err := render.Text(fmt.Sprintf("argument %d", i+1), src, render.Plain)
		if err != nil {
			return nil, err
		}
		p.args = append(p.args, argument{t, strings.HasPrefix(src, "-")})
	}
	return p, p.compileEnv(environ)
}

func (e Exec) checkFiles() error {
	if !filepath.IsAbs(e.Path) {
		return fmt.Errorf("path %q is not absolute", e.Path)
	}
	info, err := os.Stat(e.Path)
	switch {
	case err != nil:
		return fmt.Errorf("path: %w", err)
	case !executable(info):
		return fmt.Errorf("path %s is not executable", e.Path)
	case e.Dir == "":
		return nil
	case !filepath.IsAbs(e.Dir):
		return fmt.Errorf("dir %q is not absolute", e.Dir)
	}
	if info, err = os.Stat(e.Dir); err != nil {
		return fmt.Errorf("dir: %w", err)
	} else if !info.IsDir() {
		return fmt.Errorf("dir %s is no directory", e.Dir)
	}
	return nil
}

func (p *program) compileEnv(environ []string) error {
	for _, pair := range environ {
		if name, v, ok := strings.Cut(pair, "="); ok && slices.Contains(p.Env, name) {
			p.env[name] = v
		}
	}
	for name, src := range p.Set {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return fmt.Errorf("set: %q is no name of a variable", name)
		}
		t, err := render.Text("variable "+name, src, render.Plain)
		if err != nil {
			return err
		}
		p.set[name] = t
	}
	return nil
}
