package interp

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"

	"github.com/shbuild/shbuild/dsl/diag"
)

// A fault that ended several branches is told once, with what tells the branches apart: the variables in which their
// shells differed when they began, and the calls that led to the fault, where these are not the same.

// stringsOf are the strings that a shell has set.
func stringsOf(env expand.Environ) map[string]string {
	vars := map[string]string{}
	env.Each(func(name string, v expand.Variable) bool {
		switch {
		case strings.HasPrefix(name, varPrefix):
		case v.Kind == expand.String && v.IsSet():
			vars[name] = v.Str
		default:
			delete(vars, name) // the inner scope comes later
		}
		return true
	})
	return vars
}

// common gives the errors of jobs that failed, those that are the same as one.
func common(failed []*job) []error {
	var out []error
	for len(failed) > 0 {
		first := failed[0]
		alike, others := []*job{first}, []*job(nil)
		for _, job := range failed[1:] {
			if sameFault(first.err, job.err) {
				alike = append(alike, job)
			} else {
				others = append(others, job)
			}
		}
		if len(alike) == 1 {
			out = append(out, first.err)
		} else {
			out = append(out, merged(alike))
		}
		failed = others
	}
	return out
}

// sameFault says that two errors show the same, but for the calls that led to them.
func sameFault(a, b error) bool {
	x, ok := a.(*diag.Error)
	y, also := b.(*diag.Error)
	return ok && also && x.Source != nil && x.Source == y.Source && x.Span == y.Span && x.Error() == y.Error() &&
		diag.HintOf(x) == diag.HintOf(y) && x.Branches == nil && y.Branches == nil
}

// merged is the one error of jobs that failed alike.
func merged(jobs []*job) error {
	e := *jobs[0].err.(*diag.Error)
	sameTrail := !slices.ContainsFunc(jobs, func(job *job) bool { return !slices.Equal(job.err.(*diag.Error).Trail, e.Trail) })
	names := differing(jobs)
	for _, job := range jobs {
		var own []string
		for _, name := range names {
			if value, ok := job.vars[name]; ok {
				own = append(own, name+"="+brief([]string{value}))
			}
		}
		text := strings.Join(own, " ")
		if !sameTrail {
			for _, call := range job.err.(*diag.Error).Trail {
				text = strings.TrimPrefix(text+", called from "+call.String(), ", ")
			}
		}
		e.Branches = append(e.Branches, text)
	}
	if !sameTrail {
		e.Trail = nil
	}
	return &e
}

// differing are the names of the variables in which the jobs' shells differed.
func differing(jobs []*job) []string {
	names := map[string]bool{}
	for _, job := range jobs {
		for name := range job.vars {
			names[name] = true
		}
	}
	var out []string
	for name := range names {
		value, set := jobs[0].vars[name]
		if slices.ContainsFunc(jobs, func(job *job) bool { v, ok := job.vars[name]; return v != value || ok != set }) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
