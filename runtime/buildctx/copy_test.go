package buildctx

import (
	"strings"
	"testing"
)

// The rules by which BuildKit's COPY chooses where things go, as observed with its own copier: for each a
// context, an image, a line, and the image afterwards (see plant) or the error.
var copyTests = []struct{ name, src, image, line, want, err string }{
	// One file.
	{"file to a new name", "a =1", "", "COPY a /b", "b =1", ""},
	{"file into a folder that is there", "a =1", "d/", "COPY a /d", "d/, d/a =1", ""},
	{"a slash makes a folder", "a =1", "", "COPY a /d/", "d/, d/a =1", ""},
	{"so does /.", "a =1", "", "COPY a /d/.", "d/, d/a =1", ""},
	{"dots and slashes in the destination", "a =1", "d/", "COPY a //./d/../e//b", "d/, e/, e/b =1", ""},
	{".. stops at the root", "a =1", "", "COPY a /../../b", "b =1", ""},
	{"file to the root", "a =1", "", "COPY a /", "a =1", ""},
	{"over a file", "a =1", "b 600 3:4 =old", "COPY a /b", "b =1", ""},
	{"a file's own mode, the context's owner is nobody's", "a 4711 3:4 =1", "", "COPY a /b", "b 4711 =1", ""},
	{"a stage's owner stays", "a 4711 3:4 =1", "", "COPY --from=x a /b", "b 4711 3:4 =1", ""},
	{"the base name is the source's, not that of the link's target", "l -> f, f =1", "d/", "COPY l /d/", "d/, d/l =1", ""},
	{"folders on the way", "a =1", "", "COPY a /x/y/z", "x/, x/y/, x/y/z =1", ""},

	// Several sources.
	{"two files into a folder", "a =1, b =2", "", "COPY a b /d/", "d/, d/a =1, d/b =2", ""},
	{"two files without a slash: the last one stays", "a =1, b =2", "", "COPY a b /d", "d =2", ""},
	{"two files without a slash into a folder that is there", "a =1, b =2", "d/", "COPY a b /d", "d/, d/a =1, d/b =2", ""},
	{"of one name: the last", "a =1, x/a =2", "", "COPY a x/a /d/", "d/, d/a =2", ""},
	{"file, then a folder", "a =1, x/b =2", "", "COPY a x /d/", "d/, d/a =1, d/b =2", ""},
	{"folder, then a file, without a slash", "a =1, x/b =2", "", "COPY x a /d", "d/, d/a =1, d/b =2", ""},
	{"file, then a folder, without a slash", "a =1, x/b =2", "", "COPY a x /d", "", "not a folder"},

	// Folders.
	{"a folder gives its content", "x/a =1, x/y/b =2", "", "COPY x /d", "d/, d/a =1, d/y/, d/y/b =2", ""},
	{"with a slash as well", "x/a =1", "", "COPY x/ /d/", "d/, d/a =1", ""},
	{"and x/. too", "x/a =1", "", "COPY x/. /d/", "d/, d/a =1", ""},
	{"the context itself", "x/a =1, b =2", "", "COPY . /", "b =2, x/, x/a =1", ""},
	{"merged with what is there", "x/a =1, x/y/b 600 =2", "d/old =0, d/y/ 700 3:4, d/y/old =0", "COPY x /d", "d/, d/a =1, d/old =0, d/y/, d/y/b 600 =2, d/y/old =0", ""},
	{"a new destination is a new folder: 0755", "x/ 700, x/a =1", "", "COPY x /d", "d/, d/a =1", ""},
	{"one that is there keeps mode and owner", "x/ 700, x/a =1", "d/ 711 3:4", "COPY x /d", "d/ 711 3:4, d/a =1", ""},
	{"empty", "x/", "", "COPY x /d", "d/", ""},
	{"empty folders below", "x/y/ 1777", "", "COPY x /d", "d/, d/y/ 1777", ""},
	{"FIFOs and symlinks", "x/p| 620, x/l -> nowhere, x/abs -> /etc/passwd", "", "COPY x /d", "d/, d/abs -> /etc/passwd, d/l -> nowhere, d/p| 620", ""},
	{"hard links", "x/a =1, x/b == x/a, x/y/c == x/a", "", "COPY x /d", "d/, d/a =1, d/b == d/a, d/y/, d/y/c == d/a", ""},
	{"hard links of two sources are two files", "x/a =1, y/b == x/a", "", "COPY x y /d", "d/, d/a =1, d/b =1", ""},

	// Wildcards.
	{"star", "a.c =1, b.c =2, c.h =3", "", "COPY *.c /d/", "d/, d/a.c =1, d/b.c =2", ""},
	{"question mark and class", "a1 =1, b2 =2, c3 =3, a11 =4", "", "COPY [ab]? /d/", "d/, d/a1 =1, d/b2 =2", ""},
	{"a star matches no slash", "x/a =1, a =2", "", "COPY *a /d/", "d/, d/a =2", ""},
	{"two stars neither", "x/y/a =1, x/a =2", "", "COPY **/a /d/", "d/, d/a =2", ""},
	{"in the middle", "x1/a =1, x2/a =2, x2/b =3", "", "COPY x*/b /d/", "d/, d/b =3", ""},
	{"folders that match give their content", "x1/a =1, x2/b =2", "", "COPY x* /d/", "d/, d/a =1, d/b =2", ""},
	{"a class may match a slash", "x/a =1, xba =2", "", "COPY x[^y]a /d/", "d/, d/a =1, d/xba =2", ""},
	{"what is in a folder that matches does not match again", "abc/c/f =1", "", "COPY a*[^x]c /d/", "d/, d/c/, d/c/f =1", ""},
	{"hidden files match", ".a =1, b =2", "", "COPY * /d/", "d/, d/.a =1, d/b =2", ""},
	{"none matches: nothing is done, no folder made", "a =1", "", "COPY *.zip /d/", "", ""},
	{"none matches, another does", "a =1", "", "COPY *.zip a /d/", "d/, d/a =1", ""},
	{"a star as such is written as a class", "a* =1, ab =2", "", "COPY a[*] /d/", "d/, d/a* =1", ""},
	{"a backslash makes a star plain, and stays", "a* =1, ab =2", "", `COPY a\* /d/`, "", "not in the build context"},
	{"one match without a slash", "a.c =1", "", "COPY *.c /d", "d =1", ""},
	{"a link that matches is followed", "l -> f, f =1", "", "COPY l* /d/", "d/, d/l =1", ""},
	{"through a link to a folder", "l -> x, x/a =1", "", "COPY l/* /d/", "d/, d/a =1", ""},
	{"a star goes through no link to a folder", "l -> x, x/a =1, y/a =2", "", "COPY */a /d/", "d/, d/a =2", ""},

	// Symlinks in the source.
	{"to a file", "l -> x/f, x/f 600 =1", "", "COPY l /b", "b 600 =1", ""},
	{"to a folder", "l -> x, x/f =1", "", "COPY l /d", "d/, d/f =1", ""},
	{"absolute: from the context's root", "l -> /x/f, x/f =1", "", "COPY l /b", "b =1", ""},
	{"absolute, in a folder", "x/l -> /f, x/f =2, f =1", "", "COPY x/l /b", "b =1", ""},
	{"..: not above the context's root", "x/l -> ../../../../f, f =1", "", "COPY x/l /b", "b =1", ""},
	{"on the way", "l -> x, x/y -> z, x/z/f =1", "", "COPY l/y/f /b", "b =1", ""},
	{"in a folder they are copied", "x/l -> f, x/f =1", "", "COPY x /d", "d/, d/f =1, d/l -> f", ""},
	{"in a circle", "l -> m, m -> l", "", "COPY l /b", "", "too many levels"},

	// Symlinks in the destination.
	{"destination is a link to a folder", "a =1", "l -> d, d/", "COPY a /l", "d/, d/a =1, l -> d", ""},
	{"with a slash", "a =1", "l -> d, d/", "COPY a /l/", "d/, d/a =1, l -> d", ""},
	{"a link to a file: the file is replaced", "a =1", "l -> f, f =old", "COPY a /l", "f =1, l -> f", ""},
	{"a dangling link: its target is made", "a =1", "l -> x/f", "COPY a /l", "l -> x/f, x/, x/f =1", ""},
	{"a dangling link and a slash: a folder", "a =1", "l -> x", "COPY a /l/", "l -> x, x/, x/a =1", ""},
	{"an absolute link starts at the image's root", "a =1", "l -> /d, d/", "COPY a /l/b", "d/, d/b =1, l -> /d", ""},
	{"an absolute link in a folder", "a =1", "s/l -> /d, s/d/, d/", "COPY a /s/l/b", "d/, d/b =1, s/, s/d/, s/l -> /d", ""},
	{"a link above the root stays in it", "a =1", "l -> ../../../d, d/", "COPY a /l/b", "d/, d/b =1, l -> ../../../d", ""},
	{"an absolute link to what exists outside", "a =1", "l -> /usr", "COPY a /l/b", "l -> /usr, usr/, usr/b =1", ""},
	{"a folder through a link", "x/a =1", "l -> d, d/", "COPY x /l", "d/, d/a =1, l -> d", ""},
	{"the destination's last name is a link in the folder: replaced", "a =1", "d/a -> ../f, f =old", "COPY a /d/", "d/, d/a =1, f =old", ""},
	{"a folder's files replace links", "x/a =1", "d/a -> ../f, f =old", "COPY x /d", "d/, d/a =1, f =old", ""},
	{"in a circle", "a =1", "l -> m, m -> l", "COPY a /l/b", "", "too many levels"},

	// One kind over another.
	{"folder over a file", "x/a =1", "d =old", "COPY x /d", "", "not a folder"},
	{"file under a file", "a =1", "d =old", "COPY a /d/b", "", "not a folder"},
	{"a slash onto a file", "a =1", "d =old", "COPY a /d/", "", "not a folder"},
	{"below: folder over a file", "x/y/a =1", "d/y =old", "COPY x /d", "", "not a folder"},
	{"below: file over a folder", "x/y =1", "d/y/z =old", "COPY x /d", "", "is a folder"},
	{"below: folder over a link to a folder", "x/y/a =1", "d/y -> ../e, e/", "COPY x /d", "", "not a folder"},
	{"below: file over a FIFO", "x/y =1", "d/y|", "COPY x /d", "d/, d/y =1", ""},
	{"file over a hard link: the other name keeps its content", "a =1", "b =old, c == b", "COPY a /b", "b =1, c =old", ""},
	{"file into a folder that has a folder of its name", "a =1", "d/a/", "COPY a /d", "", "is a folder"},

	// --parents.
	{"parents", "x/y/a =1", "", "COPY --parents x/y/a /d", "d/, d/x/, d/x/y/, d/x/y/a =1", ""},
	{"parents: from /./ on", "x/y/z/a =1", "", "COPY --parents x/./y/z/a /d/", "d/, d/y/, d/y/z/, d/y/z/a =1", ""},
	{"parents: a file at the top", "a =1", "", "COPY --parents a /d/", "d/, d/a =1", ""},
	{"parents: a folder comes itself", "x/y/a =1, x/b =2", "", "COPY --parents x/y /d/", "d/, d/x/, d/x/y/, d/x/y/a =1", ""},
	{"parents: two stars match slashes", "x/y/a.c =1, x/b.c =2, z/c.h =3", "", "COPY --parents **/*.c /d/", "d/, d/x/, d/x/b.c =2, d/x/y/, d/x/y/a.c =1", ""},
	{"parents: wildcards before /./", "p1/x/a =1, p2/x/b =2", "", "COPY --parents p*/./x /d/", "d/, d/x/, d/x/a =1, d/x/b =2", ""},
	{"parents: mode and owner of made folders", "x/ 700 3:4, x/a =1", "", "COPY --from=s --parents x/a /d/", "d/, d/x/ 700 3:4, d/x/a =1", ""},
	{"parents: a folder that is there gets the mode only", "x/ 700 3:4, x/a =1", "d/x/ 711 5:6", "COPY --from=s --parents x/a /d/", "d/, d/x/ 700 5:6, d/x/a =1", ""},
	{"parents: no match makes the destination all the same", "x/a =1", "", "COPY --parents **/*.zip /d/", "d/", ""},
	{"parents: a missing path", "x/a =1", "", "COPY --parents x/b /d/", "", "not in the build context"},

	// --exclude.
	{"exclude", "x/a.c =1, x/b.o =2, x/y/c.o =3", "", "COPY --exclude=*.o x /d", "d/, d/a.c =1, d/y/, d/y/c.o =3", ""},
	{"exclude: everywhere", "x/a.c =1, x/b.o =2, x/y/c.o =3", "", "COPY --exclude=**/*.o x /d", "d/, d/a.c =1, d/y/", ""},
	{"exclude: a folder and all in it", "x/a =1, x/y/b =2", "", "COPY --exclude=y x /d", "d/, d/a =1", ""},
	{"exclude: but", "x/y/a =1, x/y/b =2", "", "COPY --exclude=y --exclude=!y/b x /d", "d/, d/y/, d/y/b =2", ""},
	{"exclude: not a source that is a file", "a =1", "", "COPY --exclude=a a /d/", "d/, d/a =1", ""},
	{"exclude: relative to the source folder", "x/y/a =1", "", "COPY --exclude=x x /d", "d/, d/y/, d/y/a =1", ""},
	{"exclude: all", "x/a =1", "", "COPY --exclude=** x /d", "d/", ""},
	{"exclude with parents: by the whole path", "x/y/a =1, x/y/b =2", "", "COPY --parents --exclude=x/y/b x /d/", "d/, d/x/, d/x/y/, d/x/y/a =1", ""},

	// --chown.
	{"chown", "a 3:4 =1", "", "COPY --from=s --chown=7:8 a /b", "b 7:8 =1", ""},
	{"chown: links, folders, FIFOs", "x/l -> f, x/y/a =1, x/p|", "", "COPY --chown=7:8 x /d", "d/ 7:8, d/l 7:8 -> f, d/p| 7:8, d/y/ 7:8, d/y/a 7:8 =1", ""},
	{"chown: made parents too, not those that were there", "a =1", "p/ 3:4", "COPY --chown=7:8 a /p/q/r/b", "p/ 3:4, p/q/ 7:8, p/q/r/ 7:8, p/q/r/b 7:8 =1", ""},
	{"chown: a destination that is there stays", "x/a =1", "d/ 3:4", "COPY --chown=7:8 x /d", "d/ 3:4, d/a 7:8 =1", ""},
	{"chown: setuid stays", "a 6755 =1", "", "COPY --chown=7:8 a /b", "b 6755 7:8 =1", ""},

	// Setgid folders hand their group down.
	{"setgid: made parents", "a =1", "g/ 2775 0:9", "COPY a /g/x/b", "g/ 2775 0:9, g/x/ 2755 0:9, g/x/b =1", ""},
	{"setgid: not to a file", "a =1", "g/ 2775 0:9", "COPY a /g/b", "g/ 2775 0:9, g/b =1", ""},
	{"setgid: a folder below has the source's", "x/y/a =1", "g/ 2775 0:9", "COPY x /g", "g/ 2775 0:9, g/y/, g/y/a =1", ""},
	{"setgid: from the source", "x/y/ 2770 0:9, x/y/a =1", "", "COPY --from=s x /d", "d/, d/y/ 2770 0:9, d/y/a 0:9 =1", ""},
}

func TestCopy(t *testing.T) {
	t.Parallel()
	for _, tt := range copyTests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src, root := folder(t, tt.src), folder(t, tt.image)
			err := run(t, src, root, tt.line)
			switch {
			case tt.err == "" && err != nil:
				t.Fatalf("%v\nhint: %s", err, hint(err))
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Fatalf("error %v, want one with %q", err, tt.err)
			case tt.err != "":
				return
			}
			if got := look(t, root); got != tt.want {
				t.Errorf("%s\n got %s\nwant %s", tt.line, got, tt.want)
			}
			if got := look(t, src); got != look(t, folder(t, tt.src)) {
				t.Errorf("the source has changed: %s", got)
			}
		})
	}
}
