package interp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	sh "mvdan.cc/sh/v3/syntax"
)

// jobs are the background jobs of a run. It is safe for concurrent use.
//
// A job that fails fails the script: at the wait for it, where the shell may still
// forgive, or else at the end.
type jobs struct {
	mu      sync.Mutex
	changed *sync.Cond // a job has ended
	all     []*job     // job N is all[N-1]; 0 is the top-level shell
	main    *failure   // of the top-level shell
}

type job struct {
	shell string            // the one that began it
	vars  map[string]string // that shell's variables when it did
	ended bool
	told  bool     // its failure was handed to the shell
	err   error    // why it failed
	last  *failure // the last failure in it that no success has followed
	errs  *output  // its standard error
}

func jobOf(env expand.Environ) int {
	n, _ := strconv.Atoi(env.Get(varJob).String())
	return n
}

func (j *jobs) fork(shell string, vars map[string]string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.all = append(j.all, &job{shell: shell, vars: vars})
	return len(j.all)
}

// get returns job n, or nil. j.mu is held.
func (j *jobs) get(n int) *job {
	if n < 1 || n > len(j.all) {
		return nil
	}
	return j.all[n-1]
}

func (j *jobs) end(n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if job := j.get(n); job != nil {
		job.ended = true
		j.changed.Broadcast()
	}
}

func (j *jobs) fail(n int, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if job := j.get(n); job != nil {
		job.err = err
	}
}

// lost adds a job that has failed and that nobody can wait for.
func (j *jobs) lost(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.all = append(j.all, &job{ended: true, err: err})
}

// remember keeps the last failure of job n; nil forgets it.
func (j *jobs) remember(n int, f *failure) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if job := j.get(n); job != nil {
		job.last = f
	} else {
		j.main = f
	}
}

func (j *jobs) last(n int) *failure {
	j.mu.Lock()
	defer j.mu.Unlock()
	if job := j.get(n); job != nil {
		return job.last
	}
	return j.main
}

// pass notes that a return at a mark hands on job n's last failure as its own.
func (j *jobs) pass(n int, status, mark string) {
	if f := j.last(n); f != nil && status == strconv.Itoa(int(f.status)) {
		j.mu.Lock()
		defer j.mu.Unlock()
		f.passed = mark
	}
}

// passedOn is the error that a return at a mark has handed on.
func (j *jobs) passedOn(n int, status interp.ExitStatus, mark string) error {
	f := j.last(n)
	j.mu.Lock()
	defer j.mu.Unlock()
	if f != nil && f.status == status && f.passed != "" && f.passed == mark {
		return f.err
	}
	return nil
}

// failed hands over the errors of the jobs that have failed by now.
func (j *jobs) failed() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.collect(j.all)
}

func (j *jobs) collect(from []*job) error {
	var failed []*job
	for _, job := range from {
		if job.ended && job.err != nil && !job.told {
			job.told = true
			failed = append(failed, job)
		}
	}
	errs := common(failed)
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// together is how long jobs are given, once one has failed, to fail as well: then all are told.
const together = time.Second

// join waits until every job has ended, or one has failed, and gives the errors that were not handed over. The jobs are
// those that shell has begun; with all, every shell.
func (j *jobs) join(ctx context.Context, shell string, all bool) error {
	outer := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.changed.Broadcast()
	})
	defer stop()
	j.mu.Lock()
	defer j.mu.Unlock()
	var mine []*job
	for failed := false; ; {
		mine = slices.DeleteFunc(slices.Clone(j.all), func(job *job) bool { return !all && job.shell != shell })
		if !slices.ContainsFunc(mine, func(job *job) bool { return !job.ended }) {
			break
		}
		if ctx.Err() != nil {
			break
		}
		if !failed && slices.ContainsFunc(mine, func(job *job) bool { return job.ended && job.err != nil && !job.told }) {
			failed = true
			time.AfterFunc(together, cancel)
		}
		j.changed.Wait()
	}
	if outer.Err() != nil {
		return context.Cause(outer) // what ended then did not end by itself
	}
	return j.collect(mine)
}

// jobOutput opens a job's standard error: messages of jobs that run side by side do not mix. Where the script has
// redirected it, it stays so.
func (x *shell) jobOutput(hc interp.HandlerContext, n int) io.ReadWriteCloser {
	if ours(hc.Stderr) == nil {
		return &stream{Reader: strings.NewReader(""), Writer: hc.Stderr}
	}
	o := newOutput(writerFunc(x.stderr.direct))
	o.holds = true
	x.jobs.mu.Lock()
	defer x.jobs.mu.Unlock()
	if job := x.jobs.get(n); job != nil {
		job.errs = o
	}
	return &jobStream{o, func() bool { return x.jobs.succeeded(n) }}
}

func (j *jobs) succeeded(n int) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	job := j.get(n)
	return job == nil || job.err == nil
}

// jobStream is an output as the runner wants a file to be.
type jobStream struct {
	*output
	said func() bool // what it holds is no one's error
}

func (*jobStream) Read([]byte) (int, error) { return 0, io.EOF }

func (s *jobStream) Close() error {
	if s.said() {
		s.flush()
	}
	return nil
}

// messages is where the messages of the shell that env belongs to are held back.
func (x *shell) messages(env expand.Environ) *output {
	n := jobOf(env)
	x.jobs.mu.Lock()
	defer x.jobs.mu.Unlock()
	if job := x.jobs.get(n); job != nil && job.errs != nil {
		return job.errs
	}
	return x.stderr
}

// release lets go of all that jobs and the top-level shell hold back, but for what said has.
func (x *shell) release(said string) {
	x.jobs.mu.Lock()
	all := []*output{x.stderr}
	for _, job := range x.jobs.all {
		if job.errs != nil {
			all = append(all, job.errs)
		}
	}
	x.jobs.mu.Unlock()
	for _, o := range all {
		o.release(said)
	}
}

// fork begins a job: the shell that is copied next finds its number.
func (x *shell) fork(ctx context.Context, hc interp.HandlerContext) error {
	n := x.jobs.fork(hc.Env.Get(varShell).String(), stringsOf(hc.Env))
	return x.set(ctx, hc, varFork, strconv.Itoa(n))
}

// forked notes a job's process id.
func (x *shell) forked(ctx context.Context, hc interp.HandlerContext, pid string) error {
	if !sh.ValidName(varPID + pid) {
		return nil // not from prepared text
	}
	return x.set(ctx, hc, varPID+pid, hc.Env.Get(varFork).String())
}

// jobEnded notes how a job has ended: with the status of the command before.
func (x *shell) jobEnded(hc interp.HandlerContext) error {
	if hc.LastExitStatus == 0 {
		return nil
	}
	err := x.lastFailure(hc)
	x.jobs.fail(jobOf(hc.Env), err.err)
	return err
}

// lastFailure is why the command before has failed.
func (x *shell) lastFailure(hc interp.HandlerContext) *failure {
	status := interp.ExitStatus(hc.LastExitStatus)
	if f := x.jobs.last(jobOf(hc.Env)); f != nil && f.status == status {
		return f
	}
	return &failure{err: x.shellError(hc.Env, x.program.text(at(hc.Env)), exitStatus(status)), status: status}
}

// child is the job with a process id that the shell itself has begun; 0 if there is none.
func (x *shell) child(env expand.Environ, pid string) int {
	n, _ := strconv.Atoi(env.Get(varPID + pid).String())
	x.jobs.mu.Lock()
	defer x.jobs.mu.Unlock()
	if asked := x.jobs.get(n); asked != nil && asked.shell == env.Get(varShell).String() {
		return n
	}
	return 0
}

// wait is the builtin: without operands it fails if any job has failed, with them it
// has the last one's status.
func (x *shell) wait(ctx context.Context, hc interp.HandlerContext, args []string) error {
	for _, pid := range args[1:] {
		if strings.HasPrefix(pid, "-") {
			return x.abort(x.shellError(hc.Env, "", lackOf(fmt.Sprintf("wait: unsupported option %q", pid))))
		}
		if x.child(hc.Env, pid) == 0 {
			err := fmt.Errorf("wait: pid %s is not a child of this shell", pid)
			return x.fail(hc.Env, x.shellError(hc.Env, "", &programStatus{err, 127}))
		}
	}
	if len(args) == 1 && !x.forgives(hc) && !x.program.forgives(at(hc.Env)) {
		// Nothing can forgive a failure here: the other jobs need not be waited for.
		if err := x.jobs.join(ctx, hc.Env.Get(varShell).String(), false); err != nil {
			return x.fail(hc.Env, err)
		}
	}
	status := hc.Builtin(ctx, args)
	if len(args) == 1 {
		if err := x.jobs.failed(); err != nil {
			return x.fail(hc.Env, err)
		}
		return status
	}
	if status == nil {
		return nil
	}
	n := x.child(hc.Env, args[len(args)-1])
	x.jobs.mu.Lock()
	var err error
	if asked := x.jobs.get(n); asked != nil {
		err = x.jobs.collect([]*job{asked})
	}
	x.jobs.mu.Unlock()
	if err != nil {
		return x.fail(hc.Env, err)
	}
	return x.fail(hc.Env, x.statusError(hc, args, status))
}
