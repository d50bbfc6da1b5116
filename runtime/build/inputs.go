package build

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/shbuild/shbuild/runtime/cache"
	"github.com/shbuild/shbuild/runtime/reason"
)

// stepInputs are what a step's result depends on besides the files below it. All that is in it has to be listed: the
// list is what the step's key is made of, and what a miss is explained by.
type stepInputs interface{ list(*inputs) }

// inputs is a list that is being made. The names stand in what --why says.
type inputs struct{ list cache.Inputs }

// inputsOf lists all that a job's result depends on.
func inputsOf(j *job, below files) cache.Inputs {
	l := &inputs{list: make(cache.Inputs, 0, 32)}
	j.inputs.list(l)
	l.files(reason.Files, below)
	return l.list
}

func (l *inputs) add(name, value string) {
	l.list = append(l.list, cache.Input{Name: name, Value: value})
}

// text adds a value unless it is empty, which stands for none.
func (l *inputs) text(name, value string) {
	if value != "" {
		l.add(name, value)
	}
}

func (l *inputs) number(name string, n int64) {
	if n != 0 {
		l.add(name, strconv.FormatInt(n, 10))
	}
}

func (l *inputs) flag(name string, is bool) {
	if is {
		l.add(name, "true")
	}
}

// words adds a list of words, unless there are none.
func (l *inputs) words(name string, list []string) {
	if len(list) > 0 {
		text, err := json.Marshal(list)
		if err != nil {
			panic(err) // strings have a form
		}
		l.add(name, string(text))
	}
}

// files adds files, and what made the topmost of their layers.
func (l *inputs) files(name string, f files) {
	l.list = append(l.list, cache.Input{Name: name, Value: f.key(), From: f.made()})
}

func (in runInputs) list(l *inputs) {
	l.add(reason.Kind, "RUN")
	l.words(reason.Command, in.Args)
	for _, kv := range in.Env {
		name, value, _ := strings.Cut(kv, "=")
		l.add(reason.Variable+name, value)
	}
	l.text("USER", in.User)
	if in.Given {
		l.add("CWD", in.Dir)
	} else {
		l.text("WORKDIR", in.Dir)
	}
	l.number("MEM", in.Memory)
	l.text("the standard input", in.Stdin)
	l.text("the heredoc", in.Script)
	l.text("the container's name", in.Host)
	in.confinement.list(l)
	for _, m := range in.Mounts {
		m.list(l)
	}
}

func (c confinement) list(l *inputs) {
	l.text("--network", c.Network)
	l.flag("--security=insecure", c.Insecure)
	l.words("--add-host", c.Hosts)
	l.number("--shm-size", c.ShmSize)
	l.words("--ulimit", c.Ulimits)
}

func (m mountInputs) list(l *inputs) {
	name := m.Type + " " + m.Target
	var text strings.Builder
	say := func(what, value string) {
		if value != "" {
			fmt.Fprintf(&text, " %s=%q", what, value)
		}
	}
	number := func(what string, n *uint64, base int) {
		if n != nil {
			say(what, strconv.FormatUint(*n, base))
		}
	}
	say("source", m.Source)
	say("id", m.ID)
	say("env", m.Env)
	number("mode", m.Mode, 8)
	number("uid", m.UID, 10)
	number("gid", m.GID, 10)
	if m.Size != 0 {
		say("size", strconv.FormatInt(m.Size, 10))
	}
	if m.ReadOnly {
		text.WriteString(" readonly")
	}
	if m.Required {
		text.WriteString(" required")
	}
	l.add(reason.Mount+name, strings.TrimPrefix(text.String(), " "))
	if m.from != nil {
		l.files(reason.MountFiles+name, *m.from)
	}
}

func (in copyInputs) list(l *inputs) {
	l.add(reason.Kind, "COPY")
	for _, digest := range in.Content {
		l.add(reason.Content, digest)
	}
	for _, doc := range in.Contents {
		l.add("the file <<"+doc.Path, doc.Data)
	}
	l.text("the destination", in.Dest)
	l.text("--chown", in.Chown)
	l.text("--chmod", in.Chmod)
	l.flag("--link", in.Link)
	l.flag("that archives are unpacked", in.Unpack)
	l.words("--exclude", in.Excludes)
	l.words("--parents", in.Parents)
}

func (in workdirInputs) list(l *inputs) {
	l.add(reason.Kind, "WORKDIR")
	l.text("WORKDIR", in.Dir)
	l.text("USER", in.User)
	if in.Epoch != nil {
		l.add(sourceDateEpoch, strconv.FormatInt(in.Epoch.Unix(), 10))
	}
}

func (in contextInputs) list(l *inputs) {
	l.add(reason.Kind, "build context")
	l.add(reason.Content, in.Content)
}

func (in contextPartInputs) list(l *inputs) {
	l.add(reason.Kind, "part of the build context")
	l.add(reason.Content, in.Content)
}
