package build

import (
	"fmt"
	"strconv"
	"time"

	"github.com/shbuild/shbuild/dsl/diag"
)

// epoch reads a SOURCE_DATE_EPOCH, in seconds since 1970; nil: none. The
// build context's own time was put in its place when that was opened.
func epoch(text string) (*time.Time, error) {
	if text == "" || text == contextEpoch {
		return nil, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, diag.WithHint(fmt.Errorf("SOURCE_DATE_EPOCH=%s is not a time", text),
			"write it in seconds since 1970: $(date +%s), or $(git log -1 --format=%ct); this version cannot take it from a stage or a named context")
	}
	t := time.Unix(seconds, 0).UTC()
	return &t, nil
}

// globalEpoch takes the time from a global ARG, and returns the ARG's value as
// it is from then on; nil: it is not set.
func (b *Builder) globalEpoch(value *string) (*string, error) {
	if value == nil {
		return nil, nil
	}
	var err error
	if b.epoch, err = epoch(*value); err != nil || b.epoch == nil {
		return nil, err
	}
	return epochValue(b.epoch), nil
}

func epochValue(t *time.Time) *string {
	text := strconv.FormatInt(t.Unix(), 10)
	return &text
}
