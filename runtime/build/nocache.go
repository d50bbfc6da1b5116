package build

import "strings"

// noCacheFor tells whether --no-cache-filter names a stage.
func (b *Builder) noCacheFor(name string) bool {
	if name == "" {
		return false
	}
	for _, want := range b.opts.NoCacheFor {
		if strings.EqualFold(want, name) {
			b.mu.Lock()
			b.filtered[want] = true
			b.mu.Unlock()
			return true
		}
	}
	return false
}

// checkNoCache speaks of names that no stage has.
func (b *Builder) checkNoCache() {
	for _, want := range b.opts.NoCacheFor {
		if !b.filtered[want] {
			b.progress.Note("warning: --no-cache-filter " + want + ": no stage of that name was built")
		}
	}
}
