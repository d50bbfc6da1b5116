package applet

import "strings"

// Options are the options of a call, by their first name in the spec.
type Options struct {
	values map[string][]string
	before map[string][]int
	Args   []string // the operands
}

// Has reports whether an option was given.
func (o *Options) Has(name string) bool { return len(o.values[name]) > 0 }

// Get is an option's last value, or "".
func (o *Options) Get(name string) string {
	if v := o.values[name]; len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

// All are an option's values in their order.
func (o *Options) All(name string) []string { return o.values[name] }

// Before says for each of All how many operands stand before it.
func (o *Options) Before(name string) []int { return o.before[name] }

// Options parses the arguments as getopt_long does: "-rf", "-n5", "-n 5", "--lines=5",
// "--", options after operands.
//
// The spec has a word for each option: its names, separated by commas; a colon at the end if
// it takes a value, "::" if it may take one, joined to it ("-i.bak", "--name=value"). A first word "+" stops
// at the first operand, for applets whose operands are another command. (pflag would do, but
// brings the net package into a binary whose start-up counts.)
func (c *Call) Options(spec string) (*Options, error) {
	p := parser{aliases: map[string]option{}, o: &Options{values: map[string][]string{}, before: map[string][]int{}}}
	for _, word := range strings.Fields(spec) {
		if word == "+" {
			p.inOrder = true
			continue
		}
		names := strings.TrimRight(word, ":")
		opt := option{colons: len(word) - len(names)}
		opt.name, _, _ = strings.Cut(names, ",")
		for name := range strings.SplitSeq(names, ",") {
			p.aliases[name] = opt
		}
	}
	return p.o, p.parse(c.Args)
}

type option struct {
	name   string
	colons int
}

type parser struct {
	aliases map[string]option
	inOrder bool
	o       *Options
}

func (p *parser) parse(args []string) error {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		var err error
		switch {
		case arg == "--":
			p.o.Args = append(p.o.Args, args...)
			return nil
		case strings.HasPrefix(arg, "--"):
			args, err = p.long(arg[2:], args)
		case len(arg) > 1 && arg[0] == '-':
			args, err = p.short(arg[1:], args)
		default:
			p.o.Args = append(p.o.Args, arg)
			if p.inOrder {
				p.o.Args = append(p.o.Args, args...)
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) long(arg string, rest []string) ([]string, error) {
	name, value, given := strings.Cut(arg, "=")
	opt, known := p.aliases[name]
	switch {
	case !known || len(name) < 2:
		return nil, Usagef("unrecognized option '--%s'", name)
	case given && opt.colons == 0:
		return nil, Usagef("option '--%s' takes no value", name)
	case !given && opt.colons == 1 && len(rest) == 0:
		return nil, Usagef("option '--%s' needs a value", name)
	case !given && opt.colons == 1:
		value, rest = rest[0], rest[1:]
	}
	p.add(opt, value)
	return rest, nil
}

func (p *parser) short(cluster string, rest []string) ([]string, error) {
	for i := range len(cluster) {
		name := cluster[i : i+1]
		opt, known := p.aliases[name]
		if !known {
			return nil, Usagef("invalid option -- '%s'", name)
		}
		if opt.colons == 0 {
			p.add(opt, "")
			continue
		}
		if value := cluster[i+1:]; value != "" || opt.colons == 2 {
			p.add(opt, value)
			return rest, nil
		}
		if len(rest) == 0 {
			return nil, Usagef("option '-%s' needs a value", name)
		}
		p.add(opt, rest[0])
		return rest[1:], nil
	}
	return rest, nil
}

func (p *parser) add(opt option, value string) {
	p.o.values[opt.name] = append(p.o.values[opt.name], value)
	p.o.before[opt.name] = append(p.o.before[opt.name], len(p.o.Args))
}
