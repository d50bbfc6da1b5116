# One snippet a line, see differ_test.go.
cp words new
cp -p words new; stat -c '%a %Y' new
cp -a d new; ls -R new
cp -r d new
cp -R d/. new; mkdir n2; cp -R d/. n2
cp -a link dangling d
cp link copied; test -L copied || echo file
cp -P link copied; readlink copied
cp -L link copied; cp -rL d new
cp -d link new
cp -rH d/slink new
cp words numbers d
cp -t d words numbers
cp words nosuch/x
cp nosuch x
cp d x
cp words words
cp words d/a.txt; cat d/a.txt
cp -n words d/a.txt; cat d/a.txt
cp -u words d/a.txt; cat d/a.txt
cp -f words d/b.c && cat d/b.c
cp -v words new; cp -rv d/s new2 | sort
cp --parents d/s/c.txt . ; mkdir o; cp --parents d/s/c.txt o
cp -T d new; cp -rT d new
cp -r d words
chmod 600 words; cp words new; chmod 640 new; cp words new; ls -l new | cut -c1-10
ln words w2; cp -a words w2 d; cp -rp d e
cp -a d/a.txt d/b.c e/
cp -r d/s d/s; echo $?; rm -r d/s
cp --preserve=mode,timestamps words x 2>/dev/null || cp --preserve=all words x
cp -x
mv words new
mv words numbers d
mv -t d words
mv d e; mkdir f; mv e f; ls f
mv -n words numbers; cat words
mv -f words numbers
mv -v words new
mv nosuch x
mv words d/a.txt; cat d/a.txt
mv -T d e
mv d words
mv words link; cat link
mkdir -p e/a.txt; mv e/a.txt d
mv d d/s
rm words
rm -f nosuch
rm nosuch
rm d
rm -r d
rm -rf d nosuch link
rm -rf d/*
rm -rf .
rm -d empty; mkdir e; rm -d e
rm -v words
rm
rm -f
rm -q words
mkdir a b
mkdir -p x/y/z
mkdir -m 700 x; mkdir -pm 700 p/q
mkdir d
mkdir -p d words
mkdir x/y
mkdir -v x; mkdir -pv y/z
umask 077; mkdir m; touch n; mkdir -p o/p
umask 027; mkdir -p -m 755 a/b; echo > f; cp words g; umask
rmdir d
mkdir -p x/y/z; rmdir -p x/y/z
rmdir --ignore-fail-on-non-empty d
mkdir x; rmdir x d/s
ln words hard
ln -s words soft
ln -s ../words d
ln -s d/a.txt
ln -s words link
ln -sf numbers link; readlink link
ln -sfn numbers d/slink; ln -sf words d/slink; readlink d/slink
ln -sfT words dangling; readlink dangling
ln -sr d/a.txt d/s/rel; readlink d/s/rel
ln -sv words v
ln -s a b c
ln nosuch x
ln -f words numbers
ln -s words numbers d
ln -t d -s ../words
ln d e
touch words
touch new
touch -c nosuch
touch -d '2020-01-02 03:04:05' new; stat -c %y new
touch -d @86400 new; stat -c %Y new
touch -d 2020-01-02T03:04:05Z new; touch -r new words
touch -t 202001020304.05 new
touch -am -d '2020-01-02' words; touch -m -d @5 numbers; stat -c '%X %Y' numbers
touch -h -d @5 link; stat -c %Y link words
touch nosuch/x
touch
truncate -s 3 words; truncate -s 1K new; truncate -s +5 empty
truncate -s -2 words
chmod 755 words
chmod +x words; ls -l words | cut -c1-10
chmod u+x,go-r words
chmod a=r words; chmod o= numbers; chmod g=u table
chmod -R u+rwX,go-w d
chmod -R 700 d; chmod -R a+rX,u+w d; chmod -R go= d
chmod -x run; chmod +t d; chmod g+s d; chmod 2755 d; chmod 0755 d; chmod u-s,g-s d
chmod 4755 run; chmod u=rwx run; ls -l run | cut -c1-10
chmod --reference=run words
chmod 644 link; chmod 600 nosuch
chmod -v 600 words
chmod 999 words
chmod u+q words
chmod -R +x d/s; find d -type f -perm -100 | sort
umask 022; chmod =rw words; chmod +w numbers
chown $(id -u):$(id -g) words
chown -R $(id -u) d && chgrp -R $(id -g) d
chown $(id -un) words; chown :$(id -gn) words
chown nosuchuser words
chown -h $(id -u) dangling
chgrp nosuchgroup words
install words new
install -m 600 words new
install -d x/y z
install -d -m 700 x/y
install -D words x/y/z
install -Dm755 run -t bin; ls bin
install -m 644 words numbers d
install -p words new
install -m u=rw,go=r words new
install -o $(id -u) -g $(id -g) words new
install nosuch new
readlink link
readlink words
readlink -f link; readlink -f d/slink/c.txt; readlink -f nosuch; readlink -f no/such
readlink -e nosuch; readlink -m no/such/../x
readlink -n link
realpath link d/../words .
realpath nosuch; realpath -e nosuch; realpath -m no/such
realpath --relative-to=d words 2>/dev/null
realpath -s d/slink
stat -c '%n %s %a %A %F %h %u %g' words d link
stat -c %Y words; stat -c '%y' words
stat -L -c %F link dangling
stat -c '%N' link words
stat --printf='%s\n%a' words
stat -c '[%5s] [%-5s] [%05a]' words
stat -c %s nosuch
stat --format=%a run
mktemp -d | sed 's/.*tmp\.[A-Za-z0-9]*$/ok/'
f=$(mktemp ./x.XXXXXX) && test -f $f && stat -c %a $f && rm $f
f=$(mktemp -d -p . d.XXXX) && stat -c %a $f && rmdir $f
f=$(mktemp -t foo.XXXXXX) && dirname $f && rm $f
f=$(mktemp -u xXXXXXX) && test ! -e $f && echo ${#f}
f=$(mktemp --suffix=.c ./aXXXX) && echo ${f##*.} && rm $f
mktemp nox; mktemp nosuch/XXXXXX
TMPDIR=$PWD mktemp | sed 's/tmp\..*/ok/'; rm tmp.*
ls
ls -a d/s; ls -A d/s
ls -1 d words
ls -l d/s | tail -n +2 | cut -c1-10
ls -ld d | cut -c1-10
ls -F d .
ls -p
ls -r; ls -t d; ls -S
ls -R d
ls nosuch; echo $?
ls -d d/* */
ls -lh words | tr -s ' ' | cut -d' ' -f5,6,7,8,9
ls --full-time words | tr -s ' ' | cut -d' ' -f6-9
ls -l link | tr -s ' ' | cut -d' ' -f9-
ls -i words | tr -s ' ' | cut -d' ' -f2
ls -L link; ls -lL link | cut -c1
ls d/slink; ls -d d/slink
ls -Z9
find . | sort
find d -type f | sort
find d -name '*.txt' | sort
find . -maxdepth 1 -type l | sort
find . -mindepth 2 -name 'a*'
find d -name '*.txt' -exec cat {} \; | sort
find d -name '*.txt' -exec echo {} + | tr ' ' '\n' | sort
find d -type f -exec chmod 600 {} + -exec echo {} \; | sort
find d -name 's' -prune -o -type f -print | sort
find d ! -name '*.txt' -type f | sort
find d \( -name '*.c' -o -name '.d*' \) -print | sort
find d -not -type d -a -name '?.*' | sort
find . -empty | sort
find . -perm 755 -type f; find . -perm -111 -type f; find . -perm /111 -type f
find . -size +20c -type f | sort; find . -size 0 ; find . -size -1k | sort
find . -newer words -maxdepth 1 | sort
find d -iname 'A*'
find d -path '*/s/*' | sort
find . -regex './d/.*\.txt' | sort
find . -user $(id -un) -maxdepth 0; find . -uid $(id -u) -maxdepth 0
find d -type f -delete; find d -depth | sort
find d -delete; ls
find d -print0 | tr '\0' ',' | tr ',' '\n' | sort
find d -printf '%f %s %m %y %p\n' 2>/dev/null | sort
find nosuch
find d -nosuch
find -L . -name c.txt | sort
find . -type f -mtime +30 | wc -l; find . -type f -mtime -1 | wc -l
find d -type d,f | sort
find d -name a.txt -quit; find d -name a.txt -print -quit
find d -exec false {} \; ; echo $?
find d -name a.txt -exec false {} + ; echo $?
find d -xdev -name c.txt
find . -xtype l | sort; find . -lname now*
find d -links 1 -type f | sort
find . -name '[wn]*' -maxdepth 1 | sort
find d -type f -ok rm {} \; </dev/null 2>/dev/null; ls d
du -s d >/dev/null; du -sb words | cut -f1; du -ab d | sort -k2 | cut -f2
du nosuch
mkfifo p; test -p p && ls -l p | cut -c1
unlink words; unlink nosuch
cmp words words; cmp words numbers; cmp -s words numbers; echo $?; cmp words nosuch
dd if=words of=new bs=4 count=2; dd if=words bs=1 skip=5 count=5; dd if=/dev/zero of=z bs=1K count=3 status=none; stat -c %s z; echo hi | dd of=o status=none; printf XY | dd of=numbers conv=notrunc bs=1 seek=1 status=none
printf XY | dd of=numbers bs=1 seek=4 status=none; dd if=nosuch; echo $?; dd nosuch=1; echo $?; dd if=words 2>&1 >/dev/null | head -2; seq 1000 | dd bs=100 count=1 2>/dev/null | wc -c
df . >/dev/null; echo $?; df nosuch 2>/dev/null; echo $?; df -h . | wc -l; df -P / | tail -n 1 | tr -s ' ' | cut -d' ' -f2,6
