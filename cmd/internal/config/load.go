package config

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// Sources says where the settings come from.
type Sources struct {
	// Base has the defaults.
	Base Config
	// Flags are those of the command that were made by [Flags], nil for none.
	Flags *pflag.FlagSet
	// Environ is the environment as os.Environ gives it.
	Environ []string
	// Fixed are keys that the command decides itself; setting one in the file
	// or environment has no effect.
	Fixed []string
}

// delim separates the parts of a path.
const delim = "."

// Load reads all sources and returns the validated configuration, or
// [Problems] with everything that is wrong.
func Load(src Sources) (Config, error) {
	cfg := src.Base
	k, p := src.read()
	if len(p) > 0 {
		return Config{}, p
	}
	for _, key := range keys() {
		if !k.Exists(key.path) || slices.Contains(src.Fixed, key.path) {
			continue
		}
		if err := key.set(&cfg, k.Get(key.path)); err != nil {
			p.add(key.path, err.Error())
		}
	}
	cfg.SealKeysText = src.variable(envSealKeys)
	cfg.Work.SealKeysText = src.variable(envStoneKeys)
	readTraces(&cfg, src.variable, &p)
	readProcesses(&cfg.Processes, &p)
	readCallbacks(&cfg.Callbacks, src.variable(envCallbackSecret), &p)
	cfg.Stones = readStones(k, src.Base.Stones, &p)
	for i := range cfg.Stones.Command {
		cfg.Stones.Command[i].Environ = src.Environ // its commands name what they may see of it
	}
	validate(&cfg, &p)
	if len(p) > 0 {
		return Config{}, p
	}
	return cfg, nil
}

// read puts the sources over each other.
func (src *Sources) read() (*koanf.Koanf, Problems) {
	k := koanf.New(delim)
	var p Problems
	if name := src.file(); name != "" {
		if err := k.Load(file.Provider(name), yaml.Parser()); err != nil {
			p.add(FileFlag, fmt.Sprintf("%s cannot be read: %v", name, err))
			return k, p
		}
		unknown(k, name, &p)
	}
	byEnv := map[string]string{}
	for _, key := range keys() {
		byEnv[key.env()] = key.path
	}
	// Other variables with the prefix are not ours to judge: Kubernetes makes
	// some for every service.
	environment := env.Provider(delim, env.Opt{Prefix: Prefix, EnvironFunc: func() []string { return src.Environ },
		TransformFunc: func(name, v string) (string, any) { return byEnv[name], v }})
	if err := k.Load(environment, nil); err != nil {
		p.add(FileFlag, "the environment cannot be read: "+err.Error())
	}
	if src.Flags != nil {
		if err := k.Load(flags(src.Flags, k), nil); err != nil {
			p.add(FileFlag, "the flags cannot be read: "+err.Error())
		}
	}
	return k, p
}

// flags provides those that were set, under their paths.
func flags(fs *pflag.FlagSet, k *koanf.Koanf) *posflag.Posflag {
	byFlag := map[string]string{}
	for _, key := range keys() {
		byFlag[key.flag()] = key.path
	}
	return posflag.ProviderWithFlag(fs, delim, k, func(f *pflag.Flag) (string, any) {
		if !f.Changed {
			return "", nil
		}
		return byFlag[f.Name], f.Value.String()
	})
}

// file is the name of the YAML file, "" for none.
func (src *Sources) file() string {
	if src.Flags != nil {
		if f := src.Flags.Lookup(FileFlag); f != nil && f.Changed {
			return f.Value.String()
		}
	}
	return src.variable(envOf(FileFlag))
}

// variable returns what the environment says, "" for nothing.
func (src *Sources) variable(name string) string {
	for _, e := range src.Environ {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}

// unknown finds keys of the file that mean nothing.
func unknown(k *koanf.Koanf, name string, p *Problems) {
	known := slices.Clone(sections)
	for _, key := range keys() {
		known = append(known, key.path)
	}
	for _, path := range k.Keys() {
		if slices.Contains(known, path) || slices.ContainsFunc(sections, func(s string) bool { return strings.HasPrefix(path, s+delim) }) {
			continue
		}
		text := fmt.Sprintf("there is no such key (in %s)", name)
		if near := closest(path, known); near != "" {
			text += fmt.Sprintf("; did you mean %q?", near)
		}
		*p = append(*p, Problem{Key: path, Text: text, file: true})
	}
}

// Environ is the environment of the process, for [Sources].
func Environ() []string { return os.Environ() }
