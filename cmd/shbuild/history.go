package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/registry/compare"
)

// history is shbuild history [flags] IMAGE.
func history(args []string, std streams) int {
	var f seeFlags
	flags := pflag.NewFlagSet("shbuild history", pflag.ContinueOnError)
	f.register(flags)
	if status, done := parse(flags, args, std, "history [flags] IMAGE"); done {
		return status
	}
	if flags.NArg() != 1 {
		return badUsage(std, diag.WithHint(errors.New("history takes one image"), "shbuild history app:latest"))
	}
	steps, err := f.history(flags.Arg(0))
	if err != nil {
		return failed(context.Background(), std, err)
	}
	if f.json {
		return printJSON(std, steps)
	}
	printHistory(std.out, steps)
	return 0
}

func (f *seeFlags) history(name string) ([]compare.Step, error) {
	s, err := f.open()
	if err != nil {
		return nil, err
	}
	img, err := s.image(name)
	if err != nil {
		return nil, err
	}
	return compare.History(img)
}

// printHistory prints the newest first, as docker does. On a terminal a line is cut to its width.
func printHistory(w io.Writer, steps []compare.Step) {
	width := 0
	if f, ok := w.(*os.File); ok {
		width, _, _ = term.GetSize(int(f.Fd()))
	}
	const columns = 12 + 3 + 16 + 3 + 8 + 3
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "LAYER\tCREATED\tSIZE\tCREATED BY")
	for _, s := range slices.Backward(steps) {
		layer, size := "-", "-"
		if !s.Empty {
			_, hex, _ := strings.Cut(s.DiffID, ":")
			layer, size = fmt.Sprintf("%.12s", hex), units.HumanSize(float64(s.Size))
		}
		by := []rune(shownBy(s))
		if width > columns+20 && len(by) > width-columns {
			by = append(by[:width-columns-1], '…')
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", layer, ago(s.Created), size, string(by))
	}
	table.Flush()
}

// shownBy is what made a step, on one line and without anything that a terminal would obey.
func shownBy(s compare.Step) string {
	text := s.CreatedBy
	if text == "" {
		text = "(the image does not say)"
	}
	return printable(strings.Join(strings.Fields(text), " "))
}

func ago(created string) string {
	t, err := time.Parse(time.RFC3339Nano, created)
	if err != nil {
		return "-"
	}
	return units.HumanDuration(time.Since(t)) + " ago"
}
