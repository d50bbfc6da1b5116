package main

import (
	"errors"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/syntax"
	"github.com/shbuild/shbuild/runtime/build"
)

// The answers of --call=…,format=json, with the members that docker's have, so
// that what reads those reads these.

type jsonLocation struct {
	Ranges []jsonRange `json:"ranges"`
}

type jsonRange struct {
	Start jsonPosition `json:"start"`
	End   jsonPosition `json:"end"`
}

type jsonPosition struct {
	Line int `json:"line"`
}

// jsonLines is a location: a range for each of its lines.
func jsonLines(first, last int) *jsonLocation {
	l := &jsonLocation{}
	for n := first; n <= max(first, last); n++ {
		l.Ranges = append(l.Ranges, jsonRange{jsonPosition{n}, jsonPosition{n}})
	}
	return l
}

type jsonWarning struct {
	RuleName    string        `json:"ruleName"`
	Description string        `json:"description,omitempty"`
	URL         string        `json:"url,omitempty"`
	Detail      string        `json:"detail,omitempty"`
	Location    *jsonLocation `json:"location,omitempty"`
}

type jsonSource struct {
	Filename string `json:"filename"`
	Language string `json:"language"`
	Data     []byte `json:"data"`
}

type jsonError struct {
	Message  string        `json:"message"`
	Location *jsonLocation `json:"location,omitempty"`
}

type jsonCheck struct {
	Warnings []jsonWarning `json:"warnings"`
	Sources  []jsonSource  `json:"sources"`
	Error    *jsonError    `json:"buildError,omitempty"`
}

func checkJSON(f *syntax.File, found []build.Finding, refused error) jsonCheck {
	out := jsonCheck{Warnings: []jsonWarning{}, Sources: []jsonSource{{f.Source.Name, "Dockerfile", f.Source.Text}}}
	for _, w := range found {
		out.Warnings = append(out.Warnings, jsonWarning{w.Rule, w.Description, w.URL, w.Detail, jsonLines(w.Span.Start.Line, w.Span.End.Line)})
	}
	if refused != nil {
		out.Error = &jsonError{Message: refused.Error()}
		var at *diag.Error
		if errors.As(refused, &at) {
			out.Error.Location = jsonLines(at.Span.Start.Line, at.Span.End.Line)
		}
	}
	return out
}

type jsonTarget struct {
	Name        string        `json:"name,omitempty"`
	Default     bool          `json:"default,omitempty"`
	Description string        `json:"description,omitempty"`
	Base        string        `json:"base,omitempty"`
	Platform    string        `json:"platform,omitempty"`
	Location    *jsonLocation `json:"location,omitempty"`
}

type jsonTargets struct {
	Targets []jsonTarget `json:"targets"`
	Sources [][]byte     `json:"sources"`
}

func targetsJSON(f *syntax.File, list []build.Target) jsonTargets {
	out := jsonTargets{Sources: [][]byte{f.Source.Text}}
	for _, t := range list {
		out.Targets = append(out.Targets, jsonTarget{t.Name, t.Default, t.Description, t.Base, t.Platform, jsonLines(t.Line, t.EndLine)})
	}
	return out
}

type jsonArg struct {
	Name        string        `json:"name"`
	Description string        `json:"description,omitempty"`
	Value       string        `json:"value,omitempty"`
	Location    *jsonLocation `json:"location,omitempty"`
}

type jsonMount struct {
	Name     string        `json:"name"`
	Required bool          `json:"required,omitempty"`
	Location *jsonLocation `json:"location,omitempty"`
}

type jsonOutline struct {
	Name        string      `json:"name,omitempty"`
	Description string      `json:"description,omitempty"`
	Args        []jsonArg   `json:"args,omitempty"`
	Secrets     []jsonMount `json:"secrets,omitempty"`
	SSH         []jsonMount `json:"ssh,omitempty"`
	Sources     [][]byte    `json:"sources,omitempty"`
}

func outlineJSON(f *syntax.File, o *build.Outline) jsonOutline {
	out := jsonOutline{Name: o.Name, Description: o.Description, Sources: [][]byte{f.Source.Text}}
	for _, a := range o.Args {
		out.Args = append(out.Args, jsonArg{a.Name, a.Description, a.Value, jsonLines(a.Line, a.EndLine)})
	}
	mounts := func(list []build.OutlineMount) (out []jsonMount) {
		for _, m := range list {
			out = append(out, jsonMount{m.Name, m.Required, jsonLines(m.Line, m.EndLine)})
		}
		return out
	}
	out.Secrets, out.SSH = mounts(o.Secrets), mounts(o.SSH)
	return out
}
