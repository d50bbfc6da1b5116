package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/runtime/doctor"
	"github.com/shbuild/shbuild/runtime/isolation"
	"github.com/shbuild/shbuild/runtime/userns"
)

const doctorSynopsis = `doctor [flags]

Says what this place gives to builds, and behind an arrow what would give more. It changes nothing.

exit status: 0 builds work, RUN too, or the rung of --isolation can be had; 1 not so; 2 wrong usage. So a script
that needs every file's owner asks with --isolation=full, and one that takes what there is without.
`

// doctorFlags are the flags of doctor, as typed.
type doctorFlags struct {
	root, isolation string
	json, apparmor  bool
}

// examine is shbuild doctor.
func examine(args []string, std streams) int {
	var f doctorFlags
	flags := pflag.NewFlagSet("shbuild doctor", pflag.ContinueOnError)
	rootFlag(flags, &f.root)
	isolationFlag(flags, &f.isolation)
	flags.BoolVar(&f.json, "json", false, "print JSON, with all that was seen")
	flags.BoolVar(&f.apparmor, "apparmor", false, "print an AppArmor profile that lets this program make user namespaces, for /etc/apparmor.d/shbuild")
	if status, done := parse(flags, args, std, doctorSynopsis); done {
		return status
	}
	if flags.NArg() > 0 {
		return badUsage(std, errors.New("doctor takes no arguments"))
	}
	if f.apparmor {
		return printProfile(std)
	}
	want, err := wantedIsolation(f.isolation)
	if err != nil {
		return badUsage(std, err)
	}
	root, err := stateRoot(f.root)
	if err != nil {
		return badUsage(std, err)
	}
	status, err := f.examine(root, want, std)
	if err != nil {
		diag.Print(std.err, err, std.color())
		return cmp.Or(status, statusFailed)
	}
	return status
}

// examine looks from outside, and then from inside where builds are in namespaces; the one tells the other.
func (f *doctorFlags) examine(root string, want isolation.Rung, std streams) (int, error) {
	inside := func() int {
		var facts doctor.Facts
		if err := json.Unmarshal([]byte(userns.Word()), &facts); err != nil {
			diag.Print(std.err, fmt.Errorf("read what was seen outside: %w", err), std.color())
			return statusFailed
		}
		facts.LookInside()
		return f.print(doctor.Diagnose(facts, want), std)
	}
	if userns.Inside() {
		return userns.EnterWith(userns.Options{Root: -1}, inside)
	}
	facts := doctor.Look(root)
	d := doctor.Diagnose(facts, want)
	if d.Report.Rung != isolation.Full && d.Report.Rung != isolation.OneID {
		return f.print(d, std), nil
	}
	word, err := json.Marshal(facts)
	if err != nil {
		return 0, fmt.Errorf("tell what was seen: %w", err)
	}
	return userns.EnterWith(userns.Options{Root: -1, Alone: d.Report.Rung == isolation.OneID, Word: string(word)}, inside)
}

func (f *doctorFlags) print(d doctor.Diagnosis, std streams) int {
	if f.json {
		if status := printJSON(std, d); status != 0 {
			return status
		}
	} else {
		fmt.Fprintf(std.out, "shbuild %s, ", version)
		if err := d.Write(std.out); err != nil {
			return statusFailed
		}
	}
	if !d.RUN {
		return statusFailed
	}
	return 0
}

// printProfile prints the AppArmor profile for this program's file.
func printProfile(std streams) int {
	path, err := os.Executable()
	if err != nil {
		diag.Print(std.err, fmt.Errorf("find this program's file: %w", err), std.color())
		return statusFailed
	}
	fmt.Fprint(std.out, doctor.AppArmorProfile(path))
	return 0
}
