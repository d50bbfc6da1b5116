package interp

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// rows gives the cells of a Markdown file's tables, by the table's number, without their heads.
func rows(t *testing.T, file string) [][][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var tables [][][]string
	for block := range strings.SplitSeq(string(text), "\n\n") {
		lines := strings.Split(strings.TrimSpace(block), "\n")
		if len(lines) < 3 || !strings.HasPrefix(lines[1], "| ---") {
			continue
		}
		var table [][]string
		for _, l := range lines[2:] {
			l = strings.ReplaceAll(strings.Trim(l, "|"), `\|`, "\x00")
			var cells []string
			for cell := range strings.SplitSeq(l, "|") {
				cells = append(cells, strings.ReplaceAll(strings.TrimSpace(cell), "\x00", "|"))
			}
			table = append(table, cells)
		}
		tables = append(tables, table)
	}
	return tables
}

// TestShellDoc runs each row of docs/shell.md.
func TestShellDoc(t *testing.T) {
	t.Parallel()
	tables := rows(t, "../../docs/shell.md")
	if len(tables) != 2 || len(tables[0]) < 50 || len(tables[1]) < 5 {
		t.Fatalf("%d tables", len(tables))
	}
	for _, row := range tables[0] {
		code, want := strings.Trim(row[0], "`"), row[1]
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			// Neither || nor if forgives it.
			for _, script := range []string{code, "{ " + code + "\n} || echo on", "if " + code + "\nthen echo on; else echo on; fi"} {
				dir := write(t, t.TempDir(), "list", "a\nb\n")
				got := play(t, "FROM a\n"+script+"\nRUN after\n", Options{Dir: dir})
				if got.err == nil || !strings.Contains(got.err.Error(), want) || !strings.HasPrefix(got.err.Error(), "build.sh:2:") {
					t.Errorf("%s\ngot %v, want %s", script, got.err, want)
				}
				if strings.Contains(got.stdout, "on") || len(got.calls) > 1 || got.stderr != "" {
					t.Errorf("%s\nwent on: %q %q %q", script, got.stdout, got.calls, got.stderr)
				}
			}
		})
	}
	for _, row := range tables[1] {
		code := strings.Trim(row[0], "`")
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			got := play(t, "FROM a\n"+code+"\n", Options{})
			checkCell(t, "here", row[2], got.stdout, got.err)
			if bash, err := exec.LookPath("bash"); err == nil {
				cmd := exec.Command(bash, "-c", "set -eo pipefail\n"+code)
				out, err := cmd.Output()
				if row[1] != "a version" {
					checkCell(t, "bash", row[1], string(out), err)
				}
			}
		})
	}
}

// checkCell compares what was printed with a cell: `text`, nothing, error, or both.
func checkCell(t *testing.T, who, cell, stdout string, err error) {
	t.Helper()
	if failed := strings.Contains(cell, "error"); failed != (err != nil) {
		t.Errorf("%s: error %v, want %s", who, err, cell)
	}
	want := ""
	if parts := strings.Split(cell, "`"); len(parts) > 1 {
		want = parts[1] + "\n"
	}
	if stdout != want {
		t.Errorf("%s: got %q, want %q", who, stdout, want)
	}
}
