# One snippet a line, see differ_test.go.
sed 's/a/A/' words
sed 's/a/A/g' words
sed 's/a/A/2' words
sed 's/a/A/2g' words
sed -n 's/a/A/p' words
sed -n '/a/p' words
sed -n '2p' words
sed -n '2,4p' words
sed -n '$p' words
sed -n '2,$p' words
sed '1d;$d' words
sed '/apple/,/banana/d' words
sed '/fig/,+1d' words
sed -n '1~2p' words
sed -n '2,~4p' words
sed -n '0,/pear/p' words
sed -n '1,/pear/p' words
sed -n '5,2p' words
sed '/^#/!d' conf
sed -e '/^$/d' -e 's/^#//' conf
sed -E 's/(a+)(p*)/[\2\1]/' words
sed -r 's/([a-z])([a-z]+)/\U\1\E\2/' words
sed 's/\(an\)\{2\}/<&>/' words
sed 's/.*/\u&/; s/$/!/' words
sed 's/^\s*//; s/\s\+/ /g' conf
sed 's|/bin/sh|/bin/zsh|' table
sed 's#/#\n#g' table
sed 's,/bin\,,x,; s/[/]/_/g' table
sed 's/apple/&\&\n/' words
sed 's/x*/-/g' words
sed 's/b*$/X/' noend
sed 's/t/\t/' noend
sed '$!d' noend
sed 'a\
	after' noend
sed 'a after' noend
sed '1i\  before' words
sed '1i before\nand more' words
sed '2c\changed' words
sed '2,3c changed' words
sed '$a last' words
sed '/User/a Group x' conf
sed -n '=' words
sed '/fig/q' words
sed '/fig/q5' words
sed '/fig/Q' words
sed -n '/fig/{p;q}' words
sed '2{s/a/b/;s/p/q/}' words
sed '/apple/{
	s/a/1/
	s/p/2/
	}' words
sed 'y/abc/xyz/' words
sed 'N;s/\n/,/' words
sed 'N;N;s/\n/,/g' noend
sed ':a;N;$!ba;s/\n/ /g' words
sed -z 's/\n/,/g' words
sed '1!G;h;$!d' words
sed 'n;d' words
sed '$!N;P;D' words
sed '$!N;/^\(.*\)$/P;D' noend
sed -n 'H;${x;s/\n/+/g;p}' words
sed 'x;p;x' noend
sed G noend
sed 's/apple/orange/;t;s/^/no: /' words
sed ':x;s/a/A/;tx' words
sed 's/a/A/;Tend;s/^/>/;:end' words
sed 'b end; s/a/b/; :end' words
sed -i 's/apple/orange/' words; cat words
sed -i.bak 's/apple/orange/' words
sed -i -e '1d' -e '$d' words noend
sed -ni '/a/p' words
sed -i 's/x/y/' link; cat link
sed --in-place=.old 's/e/E/' noend
sed --expression='s/a/b/' words
sed -s -n '$p' words noend
sed -n '$p' words noend
sed -s '1F' words noend
sed = words | sed 'N;s/\n/\t/'
printf 's/a/b/\n$d\n' > f.sed; sed -f f.sed words
printf '#n\n/a/p\n' > f.sed; sed -f f.sed words
sed 's/a/b/w out' words
sed -n '/a/w out' words; cat out
sed '/fig/r noend' words
sed '$r noend' words
sed 's/APPLE/x/I' words
sed '/APPLE/Id' words
sed 's/a/b/;s//c/' words
sed '/apple/s//pear/' words
sed -n '\,/root,p' table
sed -n '/root/,/ann/{/bin/!p}' table
sed 's/[[:space:]]*$//; s/[^[:alnum:]]/_/g' conf
sed 's/[]x]/y/;s/[^]]/z/' words
sed 'N;N;s/^a/X/Mg' words
sed 's/\x61/X/' words
sed "s/'//" words
sed -E 's/^(Listen) .*/\1 8080/' conf
sed -E '/^#?(Group|User)/s/www-data/app/' conf
sed -e 's/^#\(Group\)/\1/' -e '/^User/ { s/www-data/me/; }' conf
sed -n '/a/{/p/{=;p}}' words
sed '1~3d' words
sed '2!s/^/x/' words
sed '$!s/$/,/' noend
sed -n 'p;p' noend
sed p noend
sed 's/a/b/' nosuch
sed 's/a/b/' nosuch words
sed 's/a/b' words
sed 'k' words
sed -y words
sed --nosuch words
sed '{p' words
sed 's/a\|p/X/g' words
sed 's/ap\?p\+/X/g' words
sed 's/a*\(.\)/<\1>/2' words
sed -u 1q words
sed '/^[A-Z]/d;s/^\(.\)\(.*\)$/\2\1/' words
sed '1s/^/\xef\xbb\xbf/' words | head -2
sed 's/./\n&/2' words
sed 's/e/\
	/' words
echo aaa | sed 's/a/b/3'
echo 'a.b.c' | sed 's/\./-/g'
echo 'a*b' | sed 's/a*b/X/'; echo '*a' | sed 's/*a/X/'; echo '^a' | sed 's/\^a/X/'
echo 'a+b' | sed 's/a+b/X/'; echo 'a+b' | sed -E 's/a\+b/X/'
echo 'x{2}' | sed 's/x{2}/Y/'; echo xx | sed -E 's/x{2}/Y/'
echo "hello world" | sed 's/\w\+/[&]/g; s/\bw/W/'
echo "hello world" | sed 's/\<./\u&/g'
echo /usr/lib | sed 's:/usr:/opt:'
echo ab | sed 's/\(a\)\(b\)/\2\1/'
