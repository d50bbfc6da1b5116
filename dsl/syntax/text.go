package syntax

import "sort"

// text is text put together of pieces of the source and of made-up bytes, that knows where in the source
// each byte stands. The same type holds logical lines, whose continuations are joined, and the shell text
// from which the instructions are cut out.
type text struct {
	b      []byte
	pieces []piece
}

// piece is what stands from b[at] up to the next piece.
type piece struct {
	at, src int
	made    bool // the bytes are not in the source; all of them count as standing at src
}

// add appends source[from:to].
func (t *text) add(source []byte, from, to int) {
	if from >= to {
		return
	}
	if n := len(t.pieces); n > 0 {
		last := t.pieces[n-1]
		if !last.made && last.src+len(t.b)-last.at == from {
			t.b = append(t.b, source[from:to]...)
			return
		}
	}
	t.pieces = append(t.pieces, piece{at: len(t.b), src: from})
	t.b = append(t.b, source[from:to]...)
}

// addText appends o.b[from:to] with its places.
func (t *text) addText(o *text, from, to int) {
	for i, p := range o.pieces {
		end := len(o.b)
		if i+1 < len(o.pieces) {
			end = o.pieces[i+1].at
		}
		lo, hi := max(from, p.at), min(to, end)
		if lo >= hi {
			continue
		}
		src := p.src
		if !p.made {
			src += lo - p.at
		}
		t.pieces = append(t.pieces, piece{at: len(t.b), src: src, made: p.made})
		t.b = append(t.b, o.b[lo:hi]...)
	}
}

// put appends made-up text, which counts as standing at src.
func (t *text) put(s string, src int) {
	if s == "" {
		return
	}
	t.pieces = append(t.pieces, piece{at: len(t.b), src: src, made: true})
	t.b = append(t.b, s...)
}

// pos returns where in the source b[i] stands.
func (t *text) pos(i int) int {
	n := sort.Search(len(t.pieces), func(n int) bool { return t.pieces[n].at > i })
	if n == 0 {
		return 0
	}
	p := t.pieces[n-1]
	if p.made {
		return p.src
	}
	return p.src + i - p.at
}

// end returns where in the source the text before b[i] ends.
func (t *text) end(i int) int {
	if i == 0 {
		return t.pos(0)
	}
	n := sort.Search(len(t.pieces), func(n int) bool { return t.pieces[n].at >= i })
	p := t.pieces[n-1]
	if p.made {
		return p.src
	}
	return p.src + i - p.at
}
