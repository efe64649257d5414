package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/gateway/client"
)

func newStoneShow(p *Process, r *remote) *cobra.Command {
	return &cobra.Command{
		Use:     "show STONE",
		Short:   "Show what a stone announced, its workers, and what waits",
		Example: "  riverstones stone show MachineStone\n  riverstones stone show SIP::EC2::Volume -o json",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			cl, err := r.client(p)
			if err != nil {
				return err
			}
			s, err := cl.Stone(c.Context(), given[0])
			if err != nil {
				return err
			}
			if r.out.json() {
				return printJSON(p.Out, s)
			}
			return showStone(p, &s, time.Now())
		},
	}
}

func showStone(p *Process, s *client.Stone, now time.Time) error {
	pairs := [][2]string{{"stone", s.Code}, {"state", stateOf(s)}, {"declared", yesNo(s.Declared)}}
	for _, opt := range [][2]string{
		{"name", text(s.DisplayName)}, {"description", text(s.Description)}, {"service", text(s.Service)}, {"version", text(s.Version)},
		{"methods", strings.Join(s.Methods, ", ")}, {"waiting", waiting(s)}, {"oldest", ago(s.OldestWaiting, now)},
	} {
		if opt[1] != "" {
			pairs = append(pairs, opt)
		}
	}
	if err := printPairs(p.Out, pairs); err != nil {
		return err
	}
	var params, outputs, workers [][]string
	for i := range s.Params {
		params = append(params, paramRow(&s.Params[i]))
	}
	for _, o := range s.Outputs {
		outputs = append(outputs, []string{o.Name, oneLine(text(o.Description), 60)})
	}
	for _, w := range s.Workers {
		workers = append(workers, []string{w.Worker, text(w.Host), text(w.Version), text(w.BusinessKey), strconv.Itoa(w.Concurrency), ago(w.LastFetch, now), yesNo(w.Live)})
	}
	for _, t := range []struct {
		head []string
		rows [][]string
	}{
		{[]string{"PARAM", "TYPE", "REQUIRED", "DEFAULT", "RULES", "DESCRIPTION"}, params},
		{[]string{"OUTPUT", "DESCRIPTION"}, outputs},
		{[]string{"WORKER", "HOST", "VERSION", "KEY", "CONCURRENCY", "FETCHED", "LIVE"}, workers},
	} {
		if len(t.rows) == 0 {
			continue
		}
		fmt.Fprintln(p.Out)
		if err := printTable(p.Out, t.head, t.rows); err != nil {
			return err
		}
	}
	return nil
}

// waiting lists the methods whose commands wait, "" for none.
func waiting(s *client.Stone) string {
	var out []string
	for _, m := range []string{"start", "monitor", "rollback", "delete", "cancel", "mock"} {
		if n := s.Backlog[m]; n > 0 {
			out = append(out, fmt.Sprintf("%d %s", n, m))
		}
	}
	return strings.Join(out, ", ")
}

func paramRow(p *client.Param) []string {
	var rules []string
	add := func(name, value string) {
		if value != "" {
			rules = append(rules, name+value)
		}
	}
	if p.NoEcho {
		rules = append(rules, "secret")
	}
	values := make([]string, len(p.AllowedValues))
	for i, v := range p.AllowedValues {
		values[i] = string(v)
	}
	add("one of ", strings.Join(values, " "))
	add("pattern ", p.AllowedPattern)
	add("min ", p.MinValue.String())
	add("max ", p.MaxValue.String())
	add("minlen ", digits(p.MinLength))
	add("maxlen ", digits(p.MaxLength))
	return []string{p.Name, p.Type, yesNo(p.Required), oneLine(string(p.Default), 30), oneLine(strings.Join(rules, ", "), 60), oneLine(p.Description, 60)}
}

func digits(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}
