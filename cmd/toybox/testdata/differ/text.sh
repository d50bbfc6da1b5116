# One snippet a line, see differ_test.go.
cat words numbers
cat -n words; cat -b conf; cat -s conf; cat -A conf
cat - words < numbers
cat nosuch words
cat -E noend; cat -q
cat d
head words; head -2 words; head -n 2 words; head -n2 words; head -c 5 words; head -n -2 words
head -n 1 words numbers; head -q -n1 words numbers; head -v -n1 words
head -c -5 words; head --lines=1 words; head -n x words
tail words; tail -2 words; tail -n 2 words; tail -n +2 words; tail -c 4 words; tail -c +4 words
tail -n +2 noend; tail -n 1 noend; tail -n 0 noend; tail -n +0 noend
tail -n1 words numbers; tail -q -n 1 words numbers; tail nosuch
seq 1000 | head -n 1; yes | head -2; yes a b | head -1
seq 3; seq 2 4; seq 1 2 7; seq 5 -2 1; seq 3 1; seq 0.5 0.5 2; seq -2 1
seq -w 8 11; seq -s, 3; seq -f %03g 3; seq -f 'f%g.txt' 2; seq 1 0 3; seq x; seq
tac words; rev words; rev noend
sort words; sort -r words; sort -u words; sort -f words; sort -uf words
sort -n numbers; sort -rn numbers; sort -g numbers; sort numbers
sort -t: -k3 -n table; sort -t: -k3,3nr table; sort -t : -k 1,1 table; sort -k2 conf
sort -k1.2 words; sort -k1.2,1.3 -k1,1r words; sort -b conf; sort -s -k1,1.1 words
sort -o words words; cat words; sort -c words; sort -c numbers; echo $?
sort -V <<X
	1.10
	1.9
	1.2a
	v2
	X
sort -h <<X
	2K
	1M
	500
	1.5K
	X
printf 'b\0a\0' | sort -z | tr '\0' '\n'; printf 'b\na' | sort
printf 'a\nc\n' > s; printf 'b\nd\n' > t; sort -m s t; sort -d conf; sort nosuch
printf 'a 2\na 1\nb 1\n' | sort -k1,1 -u; printf 'a 2\na 1\n' | sort -k1,1; printf 'x 10\ny 9\n' | sort -k2n
printf 'b,2\na,10\n' | sort -t, -k2n,2; printf ' b\na\n' | sort -k1b,1
uniq words; sort words | uniq -c; sort words | uniq -d; sort words | uniq -u; uniq -i words
printf 'a 1\nb 1\nc 2\n' | uniq -f1; printf 'xa\nya\n' | uniq -s1; sort words | uniq - out; cat out
cut -d: -f1 table; cut -d: -f1,3-4 table; cut -d: -f3- table; cut -d: -f-2 table; cut -c1-3 words; cut -b2 words; cut -c2- words
cut -d: -f1,6 --output-delimiter=' ' table; cut -d: -f2 words; cut -s -d: -f2 words; cut --complement -d: -f2-5 table; cut -f1 words; cut words
cut -d ' ' -f 2 conf; cut -f0 words
tr a-z A-Z < words; tr -d a < words; tr -s p < words; tr -cd 'a-z\n' < conf; tr '[:lower:]' '[:upper:]' < words; tr -d '[:space:]' < conf; echo
tr ab x < words; tr '\n' ' ' < words; tr -c 'a-z' '_' < words; tr -sc a-z '\n' < conf; tr 'a-c' '[x*]' < words; tr -d '\r\n' < words; echo; tr a; tr -t abc x < words
echo 'a-b' | tr - _; echo abc | tr 'a-c' '1-3'; printf '%s\n' 'a\b' | tr '\\' /; echo aabb | tr -s ab xy; echo "don't" | tr -d \'
wc words; wc -l words; wc -c < words; wc -w words numbers; wc < words; wc -m words; wc -L words; wc -l < noend; wc empty; wc nosuch
echo hi | wc -c; wc -lc words; cat words | wc; wc -l words numbers table
grep apple words; grep -c apple words; grep -v apple words; grep -i cherry words; grep -n fig words; grep -l apple words numbers; grep -L apple words numbers
grep nosuch words; echo $?; grep -q apple words; echo $?; grep apple nosuch; echo $?; grep -s apple nosuch; echo $?; grep -q apple nosuch words; echo $?
grep -E 'a|b' words; grep 'a\|b' words; egrep '^(a|f)' words 2>/dev/null; fgrep a. words 2>/dev/null; grep -F a. words; grep -w pear words; grep -x fig words; grep -o 'an' words; grep -on 'a.' words
grep -e apple -e fig words; printf 'fig\npear\n' > p; grep -f p words; grep -vf p words; grep -f empty words; grep '' words; grep -e '' noend; grep -v '' words; echo $?
grep -A1 fig words; grep -B1 fig words; grep -C1 fig words; grep -A1 apple words; grep -m1 apple words; grep -m 1 -A2 apple words
grep -r c d | sort; grep -rl c d | sort; grep -rn --include='*.txt' c d | sort; grep -r --exclude='*.txt' . d | sort; grep -rh c d | sort; grep -R c d | sort; grep -r --exclude-dir=s . d | sort
grep -H a words; grep -h a words numbers; grep -n a words numbers; grep a d; echo $?; cat words | grep -n a; grep -Hn a - < words
grep '^$' conf; grep -c '^' conf; grep '[[:upper:]]' words; grep -E '^[^#]' conf; grep '\bkey\b' conf; grep 'e\{1\}' words; grep -E 'p{2}' words; grep -E '(an){2}' words; grep '\(an\)\{2\}' words
grep -P '\d+' numbers; grep -oP '[a-z]+(?= )' nosuch 2>/dev/null; grep -E '\d' words; echo $?; grep -z a words | tr '\0' '\n'; grep -a a words; grep -b fig words; grep -y FIG words
printf 'a\0b\n' > b; grep a b; grep -c a b; grep -a a b | tr '\0' _; grep -E '[' words; echo $?; grep; echo $?; grep --nosuch x words; echo $?
grep -E 'a+|^$' conf; grep -ow '[a-z]*' conf | head -3; grep -io APPLE words; grep -ivc apple words; grep -nv '^#\|^$' conf; grep -E '^\s*[A-Z]\w+\s+' conf; grep -qv x words && echo y
grep --color=auto apple words; grep --color=never apple words; grep -T x words 2>/dev/null; grep -E "^(root|ann):" table | cut -d: -f1
tee out < words; tee -a out < numbers > /dev/null; cat out; echo x | tee a b; echo y | tee nosuch/x; echo $?
base64 words; base64 -w0 words; base64 words | base64 -d; echo aGk= | base64 -d; echo 'aG!k=' | base64 -di; echo '!!' | base64 -d; echo $?; base64 -w 10 words
md5sum words; sha1sum words; sha256sum words numbers; sha512sum < words; sha256sum words > s; sha256sum -c s; echo x >> words; sha256sum -c s; echo $?; sha256sum -c --status s; echo $?; sha256sum --quiet -c s; sha256sum nosuch
echo "$(sha256sum < words | cut -d' ' -f1)  words" | sha256sum -c -; echo "0000000000000000000000000000000000000000000000000000000000000000 *words" | sha256sum -c; sha256sum -c words; echo $?; md5sum -b words; sha256sum --check nosuch
echo 'a	b' | cat -T; printf '\001\200\n' | cat -v; cat -vet conf | head -1
basename /a/b; basename /a/b.c .c; basename -s .c a.c b.c; basename -a x/y z; basename /; basename a/; basename .c .c; basename; basename a b c; basename ''
dirname /a/b a a/b/ / //a a//b . ''; dirname
paste words numbers; paste -d, words numbers table; paste -s words; paste -sd+ numbers; paste -d '\n' words numbers; seq 6 | paste - - -; paste -d: - words < numbers; paste nosuch; echo $?
printf 'a\nb\nd\n' > x; printf 'b\nc\nd\n' > y; comm x y; comm -12 x y; comm -23 x y; comm -3 x y; comm -1 x y; comm x
