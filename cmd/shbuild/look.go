package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"syscall"

	"github.com/shbuild/shbuild/runtime/isolation"
	"github.com/shbuild/shbuild/runtime/trace"
	"github.com/shbuild/shbuild/runtime/userns"
)

// look answers a build, or what is asked of a file, in this process if nothing has to be done for it. Else, or if
// anything goes wrong, done is false and nothing was shown: whoever does the work inside the namespaces meets it again,
// and tells.
func (j *job) look(ctx context.Context, std streams) (status int, done bool) {
	at, ok := j.wouldBeAt()
	if !ok {
		return 0, false
	}
	defer syscall.Umask(syscall.Umask(0o022)) // as in run
	ctx, stop := interruptible(ctx, std.err)
	defer stop()
	ctx, span := trace.Start(ctx, "look for all of it in the cache")
	defer span.End()

	first := *j
	first.options.Cached, first.options.Isolation = true, at
	display := first.show(std)
	display.hold()
	display.Note("#0 isolation: none was needed, all of it is in the cache")
	status, err := first.cached(ctx, std, display)
	switch {
	case err == nil:
		return status, true
	case ctx.Err() != nil:
		return failed(ctx, std, err), true
	}
	display.close()
	span.Text("found", "no")
	return 0, false
}

// cached answers, and shows that it did.
func (j *job) cached(ctx context.Context, std streams, display *display) (status int, err error) {
	if j.call.method != "" {
		var out bytes.Buffer
		held := std
		held.out = &out
		if status, err = j.answer(ctx, held); err != nil {
			return 0, err
		}
		display.close()
		_, _ = std.out.Write(out.Bytes())
		return status, nil
	}
	made, err := j.build(ctx, std, display)
	if err == nil {
		err = j.report(made)
	}
	if err != nil {
		return 0, err
	}
	display.release()
	display.close()
	return j.tell(made, std), nil
}

// wouldBeAt is where the build would be, if it may be looked for in the cache first: it is to take what the cache has,
// makes nothing but images of the store, and reads nothing that can be read once only. Who asks for a rung gets it, or
// hears that it cannot be had.
func (j *job) wouldBeAt() (at *isolation.Report, ok bool) {
	f := j.flags
	switch {
	case userns.Inside() || j.isolation != "":
		return nil, false
	case f.noCache || f.pull || len(f.noCacheFor)+len(f.cacheFrom)+len(f.cacheTo) > 0:
		return nil, false
	case f.debug || f.step || len(f.why) > 0:
		return nil, false
	case len(f.allowHost)+len(f.allowWrite) > 0:
		return nil, false
	case f.push || len(j.platforms) > 1 || len(f.run.ssh) > 0 || f.fetched:
		return nil, false
	}
	for _, o := range j.wanted.Outputs {
		if o.Type != "image" {
			return nil, false
		}
	}
	if info, err := os.Stat(f.file); err != nil || !info.Mode().IsRegular() {
		return nil, false
	}
	var lacking *userns.Error
	switch err := userns.HaveIDs(); {
	case err == nil:
		return &isolation.Report{Rung: isolation.Full}, true
	case errors.As(err, &lacking) && os.Geteuid() != 0:
		return &isolation.Report{Rung: isolation.OneID}, true // or none, whose state is the same
	}
	return nil, false
}
