package trace

import "fmt"

// A lane is a line of the picture: spans on it are within each other or after each other.
type lane struct {
	tid  int
	open []*Span // the innermost last; those above one that is done are still to end
}

func (l *lane) top() *Span {
	if len(l.open) == 0 {
		return nil
	}
	return l.open[len(l.open)-1]
}

// lane is a track's first lane that has nothing on it. t.mu is held, or t is nobody else's yet.
func (t *Trace) lane(track string) *lane {
	for _, l := range t.lanes[track] {
		if len(l.open) == 0 {
			return l
		}
	}
	t.number++
	l := &lane{tid: t.number}
	t.lanes[track] = append(t.lanes[track], l)
	name := track
	if n := len(t.lanes[track]); n > 1 {
		name = fmt.Sprintf("%s (%d)", track, n)
	}
	t.emit(event{Name: "thread_name", Phase: "M", Pid: t.pid, Tid: l.tid, Args: values{{"name", name}}})
	t.emit(event{Name: "thread_sort_index", Phase: "M", Pid: t.pid, Tid: l.tid, Args: values{{"sort_index", int64(l.tid)}}})
	return l
}

// settle writes the spans of a lane that are done, the innermost first. One that was ended before what is within
// it ends with that. t.mu is held.
func (t *Trace) settle(l *lane) {
	for s := l.top(); s != nil && s.done; s = l.top() {
		l.open = l.open[:len(l.open)-1]
		if outer := l.top(); outer != nil {
			outer.end = max(outer.end, s.end)
		}
		t.emit(event{
			Name: s.name, Category: category, Phase: "X", Time: micros(s.begin), Duration: micros(s.end - s.begin),
			Pid: t.pid, Tid: l.tid, Args: s.values,
		})
	}
}
