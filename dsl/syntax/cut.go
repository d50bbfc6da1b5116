package syntax

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/shbuild/shbuild/internal/pattern"
)

// cut cuts out the instruction whose keyword is v.b[start:end], and puts its command into the skeleton.
// It returns where in v to go on, and whether the instruction took the rest of its logical line.
func (k *skeleton) cut(v view, start, end, to int) (next int, whole bool) {
	keyword := string(v.b[start:end])
	within := v.lex
	if to < len(v.b) {
		within = newLexer(v.b[:to], v.lex.escape)
	}
	l := within.logical(start)
	joined := &text{}
	for i, p := range l.joined.pieces {
		n := len(l.joined.b)
		if i+1 < len(l.joined.pieces) {
			n = l.joined.pieces[i+1].at
		}
		joined.addText(v.text, p.src, p.src+n-p.at)
	}
	c := &cut{at: len(k.out.b)}
	c.Keyword = keyword
	c.stop = v.end(l.end)
	h := head{skeleton: k, cut: c, line: joined, start: v.pos(start)}
	if f := h.read(); f != nil {
		at := h.line.pos(min(f.at, len(h.line.b)-1))
		k.fail(at, at+max(1, f.len), keyword, f.hint, f.err)
		k.out.put(keyword, h.start)
		return l.end, true
	}
	k.cuts = append(k.cuts, c)
	k.script.cuts = append(k.script.cuts, c)
	if whole = len(bytes.TrimSpace(joined.b[h.end:])) == 0; whole {
		h.end, c.stop, next = len(joined.b), v.end(l.end), l.end
	} else {
		next = v.find(c.stop, start)
	}
	c.Span = k.src.Span(h.start, c.stop)
	c.Text = string(joined.b[:h.end])
	if v.direct {
		c.Text = string(k.src.Text[h.start:c.stop])
	}
	return next, whole && len(c.docs) == 0
}

// find returns the offset in v, not before from, of the source's offset src.
func (v view) find(src, from int) int {
	if v.direct {
		return src
	}
	for from < len(v.b) && v.pos(from) < src {
		from++
	}
	return from
}

// head is an instruction's logical line on its way into the skeleton.
type head struct {
	*skeleton
	*cut
	line  *text
	end   int // of the instruction in line
	start int // of the instruction in the source
}

var functionParens = pattern.Lazy(`^\s*\(\s*\)`)

// read finds the instruction's end and writes its command.
func (h *head) read() *fault {
	b := h.line.b
	rest := b[len(h.Keyword):]
	if functionParens().Match(rest) {
		return &fault{len: len(h.Keyword), err: errors.New("a function cannot have an instruction's name"), hint: "give the function another name"}
	}
	if h.inBackquotes() {
		return &fault{len: len(h.Keyword), err: errors.New("an instruction cannot stand within backquotes"), hint: "write $(" + h.Keyword + " …)"}
	}
	if raw(h.Keyword) {
		return h.readRaw()
	}
	return h.readWords()
}

// readRaw takes an instruction that is not expanded.
func (h *head) readRaw() *fault {
	x := h.reach(h.line.b, shellFrom(h.line.b, h.Keyword))
	if f := h.takeHeredocs(h.line.b[:x.end]); f != nil {
		return f
	}
	if x.word == "" {
		h.broken = x.broken
		if h.broken != nil && len(h.docs) == 0 && mayHaveHeredocs(h.Keyword) && strings.Contains(h.broken.Error(), "here-document") {
			return blankHeredoc(h.line.b)
		}
	}
	if f := h.glued(h.line.b[:x.end]); f != nil {
		return f
	}
	h.end = x.end
	if x.end < len(h.line.b) {
		h.stop = h.line.end(x.end)
	}
	h.writeCommand(x)
	return nil
}

// glued finds what stands right after the keyword.
func (h *head) glued(b []byte) *fault {
	n := len(h.Keyword)
	if n >= len(b) || strings.IndexByte(dockerSpace, b[n]) >= 0 {
		return nil
	}
	return &fault{at: n, len: 1, err: fmt.Errorf("%c right after %s", b[n], h.Keyword), hint: "put a blank between them"}
}

// readWords takes an instruction whose operands the shell expands.
func (h *head) readWords() *fault {
	if f := h.takeHeredocs(h.line.b); f != nil {
		return f
	}
	words := h.quoteHeredocs()
	x := h.reach(words.b, 0)
	end, f := x.checkWords(words.b, h.Keyword)
	if f == nil {
		f = h.glued(words.b[:end])
	}
	if f != nil {
		h.line = words
		return f
	}
	h.stop = words.end(end)
	h.end = h.line.find(h.stop)
	if isJSON(cutFlags(string(words.b[len(h.Keyword):end]))) {
		h.writeCommand(x)
		return nil
	}
	h.expands = true
	h.out.addText(words, 0, len(h.Keyword))
	h.scan(newView(words, h.lex.escape, false), len(h.Keyword), end)
	h.writeHeredocs()
	return nil
}

// find returns the offset in t of the source's offset src, or the end.
func (t *text) find(src int) int {
	for i := range t.b {
		if t.pos(i) >= src {
			return i
		}
	}
	return len(t.b)
}

// writeCommand puts the keyword alone into the skeleton.
func (h *head) writeCommand(x extent) {
	h.out.addText(h.line, 0, len(h.Keyword))
	h.writeHeredocs()
	switch x.word {
	case "", ")", ";;", ";&", ";;&":
	default:
		if bytes.IndexByte(h.line.b[x.end:x.close], ';') < 0 {
			h.out.put(";", h.stop)
		}
	}
}

// writeHeredocs gives the command the instruction's heredocs, so that the shell's parser finds the bodies,
// wherever they stand. It is not to look into them.
func (h *head) writeHeredocs() {
	for _, d := range h.docs {
		op := " <<"
		if d.Chomp {
			op = " <<-"
		}
		h.out.put(op+"'"+strings.ReplaceAll(d.Name, "'", `'\''`)+"'", d.src)
	}
}

// takeHeredocs finds the heredocs in the line.
func (h *head) takeHeredocs(b []byte) *fault {
	docs, written := heredocs(string(b))
	from := 0
	for i, d := range docs {
		at := bytes.Index(b[from:], []byte(written[i]))
		if at < 0 {
			return &fault{len: len(h.Keyword), err: fmt.Errorf("cannot find heredoc %s", d.Name)}
		}
		at += from
		from = at + len(written[i])
		if strings.ContainsAny(d.Name, ";&|()<>") && !strings.ContainsAny(written[i], `'"`) {
			return &fault{at: at, len: len(written[i]),
				err:  fmt.Errorf("heredoc named %s: Dockerfile takes all up to the next blank as its name", d.Name),
				hint: "put a blank after the name"}
		}
		h.docs = append(h.docs, doc{Heredoc: d, src: h.line.pos(at)})
	}
	return nil
}

// quoteHeredocs returns the line with each <<NAME as a quoted word, so that it stays an operand.
func (h *head) quoteHeredocs() *text {
	t := &text{}
	_, written := heredocs(string(h.line.b))
	copied := 0
	for i, d := range h.docs {
		at := h.line.find(d.src)
		t.addText(h.line, copied, at)
		t.put("'<<"+strings.ReplaceAll(d.Name, "'", `'\''`)+"'", d.src)
		copied = at + len(written[i])
	}
	t.addText(h.line, copied, len(h.line.b))
	return t
}

var blankAfter = pattern.Lazy(`<<-?\s+\S*`)

// blankHeredoc is the error for << EOF, which a shell reads and Dockerfile does not.
func blankHeredoc(b []byte) *fault {
	f := &fault{err: errors.New("a here-document whose body Dockerfile does not read")}
	if m := blankAfter().FindIndex(b); m != nil {
		f.at, f.len = m[0], m[1]-m[0]
	}
	f.hint = "Dockerfile wants the name right after <<, as in <<EOF, set off by blanks"
	return f
}
