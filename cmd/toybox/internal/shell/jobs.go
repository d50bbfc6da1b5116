package shell

import (
	"context"
	"fmt"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"mvdan.cc/sh/v3/interp"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// To the interpreter a command in the background is a goroutine with the name "g1" as its $!,
// and it has no way to end one. The table of jobs knows which processes each has started, so
// that "kill $!" works. rewrite puts three calls around every "command &":
//
//	job          a job is about to start: what inherits jobVar belongs to it
//	started $!   it has this name in this shell
//	finished $?  the job's last command has ended; this is its status
//
// As a job's commands have to be processes, none of them runs inside the shell.
type jobs struct {
	mu     sync.Mutex
	all    []*job
	byName map[string]*job
}

type job struct {
	running  map[*exec.Cmd]bool
	ended    syscall.Signal // the signal that was to end it: no other command starts
	finished chan struct{}  // closed then
}

// jobVar holds the number of the job that a subshell is part of.
const jobVar = "_toybox_job"

// begin is the call "job".
func (s *Shell) beginJob(ctx context.Context, hc interp.HandlerContext) error {
	s.jobs.mu.Lock()
	s.jobs.all = append(s.jobs.all, &job{running: map[*exec.Cmd]bool{}, finished: make(chan struct{})})
	line := fmt.Sprintf("%s=%s:%d", jobVar, hc.Env.Get(jobVar).String(), len(s.jobs.all)-1)
	s.jobs.mu.Unlock()
	return hc.Builtin(ctx, []string{"eval", line})
}

// started is the call of that name. The variable gets back what it had before.
func (s *Shell) startedJob(ctx context.Context, hc interp.HandlerContext, name string) error {
	chain := hc.Env.Get(jobVar).String()
	s.jobs.mu.Lock()
	if s.jobs.byName == nil {
		s.jobs.byName = map[string]*job{}
	}
	s.jobs.byName[jobKey(hc, name)] = s.jobs.last(chain)
	s.jobs.mu.Unlock()
	outer := chain[:strings.LastIndexByte(chain, ':')]
	return hc.Builtin(ctx, []string{"eval", jobVar + "=" + outer})
}

// finishedJob is the call "finished".
func (s *Shell) finishedJob(hc interp.HandlerContext, text string) error {
	close(s.job(hc).finished)
	n, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	return status(n)
}

// jobKey tells the names of one shell from those of its subshells, which count anew.
func jobKey(hc interp.HandlerContext, name string) string {
	return fmt.Sprintf("%x %s", reflect.ValueOf(hc).FieldByName("runner").Pointer(), name)
}

// last is the innermost job of a chain ":0:3", nil if it is empty. The caller holds the lock.
func (j *jobs) last(chain string) *job {
	_, number, _ := strings.Cut(chain[max(0, strings.LastIndexByte(chain, ':')):], ":")
	n, err := strconv.Atoi(number)
	if err != nil || n >= len(j.all) {
		return nil
	}
	return j.all[n]
}

// job is the one that a command is part of, or nil.
func (s *Shell) job(hc interp.HandlerContext) *job {
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	return s.jobs.last(hc.Env.Get(jobVar).String())
}

// endedBy is the signal that has ended the job of a command, or 0.
func (s *Shell) endedBy(hc interp.HandlerContext) syscall.Signal {
	j := s.job(hc)
	if j == nil {
		return 0
	}
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	return j.ended
}

// wait notes a process for as long as it runs.
func (s *Shell) wait(hc interp.HandlerContext, cmd *exec.Cmd) (int, error) {
	j := s.job(hc)
	if j == nil {
		return applet.Status(cmd, cmd.Wait())
	}
	s.jobs.mu.Lock()
	j.running[cmd] = true
	if j.ended != 0 {
		cmd.Process.Signal(j.ended) // it came while the process was being started
	}
	s.jobs.mu.Unlock()
	err := cmd.Wait()
	s.jobs.mu.Lock()
	delete(j.running, cmd)
	s.jobs.mu.Unlock()
	return applet.Status(cmd, err)
}

// waitFor is the builtin wait of the shell proper, which a trapped signal interrupts. The status
// of a job is the interpreter's to tell.
func (s *Shell) waitFor(ctx context.Context, hc interp.HandlerContext, names []string) error {
	for _, j := range s.named(hc, names) {
		select {
		case <-j.finished:
		case <-s.traps.arrival():
			return status(128 + int(s.traps.first()))
		}
	}
	return hc.Builtin(ctx, append([]string{"wait"}, names...))
}

// named are the jobs of a shell that have these names, or all that it has.
func (s *Shell) named(hc interp.HandlerContext, names []string) []*job {
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	var found []*job
	for key, j := range s.jobs.byName {
		if len(names) == 0 && strings.HasPrefix(key, jobKey(hc, "")) {
			found = append(found, j)
		}
	}
	for _, name := range names {
		if j := s.jobs.byName[jobKey(hc, name)]; j != nil {
			found = append(found, j)
		}
	}
	return found
}

// killJobs sends a signal to the jobs among the operands of kill, and returns the arguments
// without them. done says that nothing is left to do.
func (s *Shell) killJobs(hc interp.HandlerContext, args []string) (rest []string, status int, done bool) {
	sig, options, err := applet.KillSignal(args)
	if err != nil || options < 0 {
		return args, 0, false
	}
	rest = append(rest, args[:options]...)
	for _, arg := range args[options:] {
		s.jobs.mu.Lock()
		j := s.jobs.byName[jobKey(hc, arg)]
		alive := j != nil && j.signal(sig)
		s.jobs.mu.Unlock()
		switch {
		case j == nil:
			rest = append(rest, arg)
		case !alive:
			fmt.Fprintf(hc.Stderr, "kill: %s: No such process\n", arg)
			status = 1
		}
	}
	return rest, status, len(rest) == options && len(args) > options
}

// signal reports whether the job is still there. The caller holds the lock.
func (j *job) signal(sig syscall.Signal) bool {
	select {
	case <-j.finished:
		return false
	default:
	}
	for cmd := range j.running {
		cmd.Process.Signal(sig)
	}
	switch sig {
	case 0, syscall.SIGCHLD, syscall.SIGCONT, syscall.SIGSTOP, syscall.SIGTSTP, syscall.SIGWINCH, syscall.SIGURG:
	default:
		j.ended = sig
	}
	return true
}
