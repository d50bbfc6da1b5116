package trace

import (
	"context"
	"io"
	"slices"
	"time"
)

// A Span is something that takes time. A nil one, which Start gives where there is no trace, takes everything and
// does nothing. It may be used by several goroutines at once.
type Span struct {
	trace  *Trace
	parent *Span
	lane   *lane
	name   string
	values values
	begin  int64
	end    int64
	done   bool
}

// scope is what a context carries.
type scope struct {
	trace *Trace
	span  *Span // nil: none is open
	track string
}

type scopeKey struct{}

func scopeOf(ctx context.Context) *scope {
	s, _ := ctx.Value(scopeKey{}).(*scope)
	return s
}

// mainTrack is where spans stand that were given no other place.
const mainTrack = "main"

// Context gives a context that carries the trace. That of no trace carries none.
func (t *Trace) Context(ctx context.Context) context.Context {
	if t == nil {
		return ctx
	}
	return context.WithValue(ctx, scopeKey{}, &scope{trace: t, track: mainTrack})
}

// On lets the spans that begin under a context stand on a track of this name. Those that begin while another one
// has the track, and is not around them, get lanes beside it.
func On(ctx context.Context, track string) context.Context {
	s := scopeOf(ctx)
	if s == nil || track == "" || s.track == track {
		return ctx
	}
	return context.WithValue(ctx, scopeKey{}, &scope{trace: s.trace, track: track})
}

// Start begins a span, within the one that ctx carries, and gives the context for what is within it. It must be
// ended, by anybody.
func Start(ctx context.Context, name string) (context.Context, *Span) {
	s := scopeOf(ctx)
	if s == nil {
		return ctx, nil
	}
	span := s.trace.begin(s, name)
	return context.WithValue(ctx, scopeKey{}, &scope{trace: s.trace, span: span, track: s.track}), span
}

// Of is the trace that ctx carries; nil: none.
func Of(ctx context.Context) *Trace {
	if s := scopeOf(ctx); s != nil {
		return s.trace
	}
	return nil
}

// Current is the span that ctx carries; nil: none.
func Current(ctx context.Context) *Span {
	if s := scopeOf(ctx); s != nil {
		return s.span
	}
	return nil
}

func (t *Trace) begin(s *scope, name string) *Span {
	t.mu.Lock()
	defer t.mu.Unlock()
	span := &Span{trace: t, parent: s.span, name: name}
	around := s.span
	for around != nil && around.done {
		around = around.parent
	}
	if around != nil && around.lane.top() == around {
		span.lane = around.lane
	} else {
		span.lane = t.lane(s.track)
	}
	span.lane.open = append(span.lane.open, span)
	span.begin = t.now()
	return span
}

// Now is the time where there is a trace, for Since.
func Now(ctx context.Context) time.Time {
	if scopeOf(ctx) == nil {
		return time.Time{}
	}
	return time.Now()
}

// Since tells of something that has been going on since a time that Now gave, within the span that ctx carries,
// and ends now. Nothing else may have begun there meanwhile.
func Since(ctx context.Context, name string, start time.Time) {
	s := scopeOf(ctx)
	if s == nil {
		return
	}
	span := s.trace.begin(s, name)
	span.begin -= int64(time.Since(start))
	span.End()
}

// Text says something of a span.
func (s *Span) Text(key, text string) {
	if s != nil {
		s.set(key, text)
	}
}

// Number says a number of a span.
func (s *Span) Number(key string, n int64) {
	if s != nil {
		s.set(key, n)
	}
}

func (s *Span) set(key string, is any) {
	s.trace.mu.Lock()
	defer s.trace.mu.Unlock()
	if i := slices.IndexFunc(s.values, func(v value) bool { return v.key == key }); i >= 0 {
		s.values[i].is = is
		return
	}
	s.values = append(s.values, value{key, is})
}

// End ends a span. One that is ended already stays as it is.
func (s *Span) End() {
	if s == nil {
		return
	}
	t := s.trace
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.done {
		return
	}
	s.end, s.done = t.now(), true
	t.settle(s.lane)
}

// Reader counts how long reading from r takes, and how many bytes come: the span tells it, under the name. It
// gives r itself where there is no trace. The reader belongs to one goroutine.
func (s *Span) Reader(name string, r io.Reader) io.Reader {
	if s == nil {
		return r
	}
	return &reader{r: r, span: s, name: name}
}

type reader struct {
	r     io.Reader
	span  *Span
	name  string
	took  time.Duration
	bytes int64
}

func (r *reader) Read(p []byte) (int, error) {
	start := time.Now()
	n, err := r.r.Read(p)
	r.took += time.Since(start)
	r.bytes += int64(n)
	if err != nil {
		r.span.Number(r.name+": bytes", r.bytes)
		r.span.Number(r.name+": µs of waiting", r.took.Microseconds())
	}
	return n, err
}
