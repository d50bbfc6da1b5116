package interp

import (
	"bytes"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/shbuild/shbuild/internal/pattern"
)

// output is where the script's own text goes. If it holds, the shell's messages, which
// come by Write, are held back until it is known whether they are the error that the
// script ends with; echo and printf come by WriteString.
type output struct {
	mu     sync.Mutex
	w      io.Writer
	holds  bool
	held   []byte
	asked  int  // how much of held has been told as an error's message
	broken bool // held has an error of an expansion, of which the shell makes no status
	closed bool
}

func newOutput(w io.Writer) *output {
	if w == nil {
		w = io.Discard
	}
	return &output{w: w}
}

func (o *output) Write(p []byte) (int, error) {
	if !o.holds {
		return o.direct(p)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !isTrace(p) {
		o.held = append(o.held, p...)
		o.broken = o.broken || expansionError().Match(p)
	}
	return len(p), nil
}

func (o *output) WriteString(s string) (int, error) {
	o.flush()
	return o.direct([]byte(s))
}

// direct writes what is no message of the shell.
func (o *output) direct(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return 0, os.ErrClosed
	}
	return o.w.Write(p)
}

// flush lets go of what is held back.
func (o *output) flush() { o.release("") }

// release lets go of what is held back, but for the lines that said has already.
func (o *output) release(said string) {
	o.mu.Lock()
	held := o.held
	o.held, o.asked = nil, 0
	o.mu.Unlock()
	for line := range bytes.Lines(held) {
		text := tidy(string(line))
		if lackOf(text) == nil && (said == "" || !strings.Contains(said, text)) {
			_, _ = o.direct(line) // the script's text may be lost where nobody reads it
		}
	}
}

// expansionError is what the runner prints about an expansion that it then takes for
// empty, or for no command at all.
var expansionError = pattern.Lazy(`^(?:division by zero|exponent less than 0|negative array index|` +
	`brace expansion would exceed .*|unsupported.*|extended globbing .*|extglob .*|collating .*|\[\[: .*|` +
	`unhandled .*)\n$`)

// expansion says whether an expansion has failed since it was last asked.
func (o *output) expansion() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	broken := o.broken
	o.broken = false
	return broken
}

// message gives the last line that is held back and was not given before. It stays
// held: the error that it goes into may be forgiven.
func (o *output) message() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := strings.TrimSpace(string(o.held[o.asked:]))
	o.asked = len(o.held)
	return tidy(text[strings.LastIndexByte(text, '\n')+1:])
}

func (o *output) close() {
	o.flush()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
}

// isTrace says that a message is set -x's, about a command or variable of ours.
func isTrace(p []byte) bool {
	s := string(p)
	return strings.HasPrefix(s, "+ "+own) || strings.HasPrefix(s, "+ "+varPrefix)
}
