package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// traceEvent is an event of a trace, times in µs.
type traceEvent struct {
	Name, Ph string
	Ts, Dur  float64
	Pid, Tid int
	Args     map[string]any
}

// spans FILE reads a trace, sees that the spans of each track are within or after each other, and prints them in
// their order: process, track, as many dots as there are spans around it, name, what it tells.
func spans(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: spans FILE")
	}
	text, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	var all []traceEvent
	ts.Check(json.Unmarshal(text, &all))
	names, list := map[string]any{}, []traceEvent{}
	for _, e := range all {
		switch {
		case e.Ph == "X":
			list = append(list, e)
		case e.Name == "process_name":
			names[fmt.Sprint(e.Pid)] = e.Args["name"]
		case e.Name == "thread_name":
			names[fmt.Sprint(e.Pid, e.Tid)] = e.Args["name"]
		}
	}
	// Where two begin at once the longer one is around the other.
	slices.SortStableFunc(list, func(a, b traceEvent) int {
		if a.Ts != b.Ts {
			return int((a.Ts - b.Ts) * 1000)
		}
		return int((b.Dur - a.Dur) * 1000)
	})
	open := map[string][]traceEvent{}
	for _, e := range list {
		const rounding = 0.0005 // less than the ns that the file has
		track := fmt.Sprint(e.Pid, e.Tid)
		around := open[track]
		for len(around) > 0 && around[len(around)-1].end() <= e.Ts+rounding {
			around = around[:len(around)-1]
		}
		if n := len(around); n > 0 && e.end() > around[n-1].end()+rounding {
			ts.Fatalf("%q begins within %q and ends after it", e.Name, around[n-1].Name)
		}
		open[track] = append(around, e)
		dots := make([]byte, len(around))
		for i := range dots {
			dots[i] = '.'
		}
		told, err := json.Marshal(e.Args)
		ts.Check(err)
		fmt.Fprintf(ts.Stdout(), "%v | %v | %s%s %s\n", names[fmt.Sprint(e.Pid)], names[track], dots, e.Name, told)
	}
}

func (e traceEvent) end() float64 { return e.Ts + e.Dur }

// checkTrace sees that the trace of a build that was interrupted is whole, and says of its RUN that it did not end
// by itself.
func checkTrace(t *testing.T, file, how string) {
	t.Helper()
	text, err := os.ReadFile(file)
	var all []traceEvent
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		t.Errorf("the trace: %v\n%s", err, text)
	}
	for _, e := range all {
		if e.Ph == "X" && strings.HasPrefix(e.Name, "RUN ") && e.Args[how] == "yes" {
			return
		}
	}
	t.Errorf("the trace does not tell of a RUN that %s:\n%s", how, text)
}

// checkCutTrace sees that the trace of a build that was killed needs nothing but its bracket; there may be none yet.
func checkCutTrace(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil || len(text) == 0 {
		return
	}
	whole := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), ",")
	if !strings.HasSuffix(whole, "]") {
		whole += "]"
	}
	if !json.Valid([]byte(whole)) {
		t.Errorf("the trace cannot be read:\n%s", text)
	}
}
