// Package trace writes down where the time of a build goes: spans with a name, a beginning and an end, in the
// trace-event form of Chrome that ui.perfetto.dev, chrome://tracing and speedscope open.
//
// A context carries the trace and the span that is open in it. Where it carries none, Start and all that a *Span
// has do nothing and allocate nothing, so they stand in hot paths without a question asked before.
//
// Invariants: spans of one track nest (a span that begins beside another one of its track gets a lane of its
// own, so work that runs side by side needs no word about it), each event is one write at the end of the file,
// so several processes may write into one, and a file that is cut off anywhere between two events is still a
// trace: the form allows the closing bracket to be missing.
//
// It keeps no totals and knows nothing of builds. What is told in names and values is for the caller to decide:
// nothing is hidden here.
package trace

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A Trace is one process's part of a trace. It is safe for concurrent use. A nil one is no trace.
type Trace struct {
	pid   int
	begun bool // this process began the file, and ends it
	zero  time.Time
	start int64 // zero on the machine's monotonic clock, in ns: what all processes share

	mu     sync.Mutex
	file   *os.File // nil: closed
	err    error    // of the first write that failed
	lanes  map[string][]*lane
	number int // of lanes
}

// Create begins a trace in a file, which is emptied, for the process of this name. It must be closed. Only a
// regular file can be a trace, since a second process is to find it by its path.
func Create(path, process string) (*Trace, error) {
	return open(path, process, 1, os.O_CREATE|os.O_TRUNC)
}

// Join goes on with a trace that another process has begun and will close.
func Join(path, process string) (*Trace, error) {
	return open(path, process, 2, 0)
}

func open(path, process string, pid, flags int) (*Trace, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|flags, 0o644)
	if err != nil {
		return nil, err
	}
	t := &Trace{pid: pid, begun: flags != 0, file: f, lanes: map[string][]*lane{}}
	t.zero, t.start = time.Now(), clock(unix.CLOCK_MONOTONIC)
	if t.begun {
		t.write([]byte("[\n"))
	}
	t.emit(event{Name: "process_name", Phase: "M", Pid: pid, Args: values{{"name", process}}})
	t.emit(event{Name: "process_sort_index", Phase: "M", Pid: pid, Args: values{{"sort_index", int64(pid)}}})
	t.started()
	return t, t.failure()
}

// started writes how the process came to be here. No clock tells when it was started, to less than 10 ms, but
// until its first work it does nothing but compute.
func (t *Trace) started() {
	cpu := clock(unix.CLOCK_PROCESS_CPUTIME_ID)
	l := t.lane(mainTrack)
	t.emit(event{
		Name: "start the program", Category: category, Phase: "X", Time: micros(t.start - cpu), Duration: micros(cpu), Pid: t.pid, Tid: l.tid,
		Args: values{{"measured by", "CPU time"}},
	})
}

func clock(id int32) int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(id, &now); err != nil {
		return 0 // the kernel has both
	}
	return now.Nano()
}

// now is the time on the machine's clock.
func (t *Trace) now() int64 { return t.start + int64(time.Since(t.zero)) }

// Close ends the spans that are open, and the file if this process began it. What is told afterwards is dropped.
// The error is the first that a write had. It may be called more than once.
func (t *Trace) Close() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.file == nil {
		return t.err
	}
	now := t.now()
	for _, lanes := range t.lanes {
		for _, l := range lanes {
			for _, s := range l.open {
				if !s.done {
					s.values, s.done = append(s.values, value{"cut off", "yes"}), true
				}
				s.end = now
			}
			t.settle(l)
		}
	}
	if t.begun {
		// The last event has no comma, so that the file is JSON.
		t.write(append(event{Name: "process_labels", Phase: "M", Pid: t.pid, Args: values{{"labels", "whole"}}}.json(), "\n]\n"...))
	}
	if err := t.file.Close(); t.err == nil {
		t.err = err
	}
	t.file = nil
	return t.err
}

func (t *Trace) failure() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

func (t *Trace) emit(e event) { t.write(append(e.json(), ",\n"...)) }

// write adds to the end of the file. It is not kept back: a process that is killed leaves what it has told.
func (t *Trace) write(text []byte) {
	if t.file == nil || t.err != nil {
		return
	}
	_, t.err = t.file.Write(text)
}
