package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/syntax"
	"github.com/shbuild/shbuild/runtime/build"
)

// call is what is asked of a plain Dockerfile instead of building it, in
// docker's spelling: --call=METHOD[,format=json][,ignorestatus].
type call struct {
	method       string // "check", "outline" or "targets"; empty: it is built
	json         bool
	ignoreStatus bool // findings of a check are no failure
}

// calls are the methods of --call.
var calls = []string{"build", "check", "outline", "targets"}

func parseCall(text string, check bool) (call, error) {
	method, options, more := strings.Cut(text, ",")
	c := call{method: method}
	switch {
	case !slices.Contains(calls, method):
		return c, fmt.Errorf("--call=%s: it is one of %s", text, strings.Join(calls, ", "))
	case check && method != "build" && method != "check":
		return c, fmt.Errorf("--check and --call=%s ask for two things", text)
	case check:
		c.method = "check"
	case method == "build":
		c.method = ""
	}
	if !more {
		return c, nil
	}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "format=json":
			c.json = true
		case "format=text":
			c.json = false
		case "ignorestatus", "ignorestatus=true":
			c.ignoreStatus = true
		case "ignorestatus=false":
			c.ignoreStatus = false
		default:
			return c, fmt.Errorf("--call=%s: unknown option %q: they are format=json, format=text and ignorestatus", text, option)
		}
	}
	return c, nil
}

// answer opens what a build would, and answers the call instead of building. Of several platforms the first counts.
func (j *job) answer(ctx context.Context, std streams) (status int, err error) {
	options := j.options
	options.Platform = j.platforms[0]
	b, err := build.New(options)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	file, err := j.flags.open(ctx, b, std.in)
	if err != nil {
		return 0, err
	}
	return j.ask(ctx, std, b, file)
}

// ask answers the call on standard output. What went wrong is err, findings of
// a check are a status.
func (j *job) ask(ctx context.Context, std streams, b *build.Builder, f *syntax.File) (status int, err error) {
	switch j.call.method {
	case "check":
		found, err := b.Check(ctx, f)
		return j.checked(std, f, found, err)
	case "outline":
		o, err := b.Outline(ctx, f)
		if err != nil {
			return 0, err
		}
		if j.call.json {
			return 0, writeJSON(std.out, outlineJSON(f, o))
		}
		return 0, writeOutline(std.out, o)
	}
	list, err := build.Targets(f)
	if err != nil {
		return 0, err
	}
	if j.call.json {
		return 0, writeJSON(std.out, targetsJSON(f, list))
	}
	return 0, writeTargets(std.out, list)
}

// checked tells what a check found, and what the file is refused for.
func (j *job) checked(std streams, f *syntax.File, found []build.Finding, refused error) (status int, err error) {
	if len(found) > 0 && !j.call.ignoreStatus {
		status = statusFailed
	}
	if j.call.json {
		return status, cmp.Or(writeJSON(std.out, checkJSON(f, found, refused)), refused)
	}
	for _, finding := range found {
		diag.Print(std.out, finding.Err(), false)
		fmt.Fprintln(std.out)
	}
	if refused != nil {
		return statusFailed, refused
	}
	switch n := len(found); n {
	case 0:
		_, err = fmt.Fprintln(std.out, "Check complete, no warnings found.")
	case 1:
		_, err = fmt.Fprintln(std.out, "Check complete, 1 warning has been found!")
	default:
		_, err = fmt.Fprintf(std.out, "Check complete, %d warnings have been found!\n", n)
	}
	return status, err
}

func writeTargets(w io.Writer, list []build.Target) error {
	tw := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprint(tw, "TARGET\tDESCRIPTION\n")
	for _, t := range list {
		name := t.Name
		if t.Default {
			name = strings.TrimSpace(name + " (default)")
		}
		fmt.Fprintf(tw, "%s\t%s\n", name, t.Description)
	}
	return tw.Flush()
}

func writeOutline(w io.Writer, o *build.Outline) error {
	if o.Name != "" || o.Description != "" {
		rows := [][]string{{"TARGET:", o.Name}}
		if o.Description != "" {
			rows = append(rows, []string{"DESCRIPTION:", o.Description})
		}
		if err := writeTable(w, 1, rows); err != nil {
			return err
		}
	}
	if len(o.Args) > 0 {
		rows := [][]string{{"BUILD ARG", "VALUE", "DESCRIPTION"}}
		for _, a := range o.Args {
			rows = append(rows, []string{a.Name, a.Value, a.Description})
		}
		if err := writeTable(w, 3, rows); err != nil {
			return err
		}
	}
	return cmp.Or(writeMounts(w, "SECRET", o.Secrets), writeMounts(w, "SSH", o.SSH))
}

func writeMounts(w io.Writer, title string, mounts []build.OutlineMount) error {
	if len(mounts) == 0 {
		return nil
	}
	rows := [][]string{{title, "REQUIRED"}}
	for _, m := range mounts {
		required := ""
		if m.Required {
			required = "true"
		}
		rows = append(rows, []string{m.Name, required})
	}
	return writeTable(w, 3, rows)
}

// writeTable writes rows in columns, and an empty line.
func writeTable(w io.Writer, padding int, rows [][]string) error {
	tw := tabwriter.NewWriter(w, 0, 0, padding, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(tw, strings.Join(row, "\t"))
	}
	fmt.Fprintln(tw)
	return tw.Flush()
}

func writeJSON(w io.Writer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(w, "%s\n", text)
	}
	return err
}
