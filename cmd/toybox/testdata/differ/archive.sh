# One snippet a line, see differ_test.go.
tar cf x.tar d; tar tf x.tar | sort; mkdir o; tar xf x.tar -C o; rm x.tar
tar -czf x.tgz -C d .; tar -tzf x.tgz | sort; tar -xzf x.tgz -C . --strip-components=1; rm x.tgz
tar cf - words numbers d | (mkdir o && cd o && tar xf -)
tar -cvf x.tar words d/a.txt; tar -tvf x.tar | tr -s ' ' | cut -d' ' -f1-3,4-; tar -xvf x.tar; rm x.tar
tar cf x.tar --exclude='*.txt' d; tar tf x.tar | sort; tar cf x.tar --exclude=s d; tar tf x.tar | sort; tar cf x.tar --exclude=d/s/c.txt d; tar tf x.tar | sort; tar cf x.tar --exclude=./d -C . .; rm x.tar
tar cf x.tar d words; mkdir o; tar xf x.tar -C o d/a.txt; tar xf x.tar -C o d/s; tar xf x.tar -C o nosuch; echo $?; tar xOf x.tar words; rm x.tar
ln words w2; ln -s words w3; chmod 700 d/s; chmod 4711 run; tar cf x.tar .  --exclude=./x.tar; mkdir o; tar xpf x.tar -C o; rm x.tar
umask 077; chmod 666 words; tar cf x.tar words d; mkdir o; tar xf x.tar -C o; rm x.tar
tar --owner=0 --group=0 --numeric-owner -cf x.tar words; tar tvf x.tar | tr -s ' '; tar tvf x.tar --numeric-owner | tr -s ' '; tar --owner=foo:12 --group=bar:13 -cf x.tar words; tar tvf x.tar | tr -s ' '; rm x.tar
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=ustar -cf x.tar d; sha256sum x.tar; rm x.tar
tar --sort=name --mtime='2020-01-02 03:04:05' --owner=root:0 --format=ustar --group=root:0 -cf x.tar d words; sha256sum x.tar; rm x.tar
printf 'words\nd/a.txt\n' > list; tar cf x.tar -T list; tar tf x.tar; find d -type f -print0 | sort -z | tar cf x.tar --null -T -; tar tf x.tar; rm x.tar
tar cf x.tar nosuch; echo $?; tar xf nosuch.tar; echo $?; tar tf words; echo $?; tar; echo $?; tar -cx; echo $?; tar cf x.tar; echo $?; tar --nosuch || echo failed; rm -f x.tar
tar czf x.tgz words; tar xOzf x.tgz; tar xOf x.tgz; tar tf x.tgz; cat x.tgz | tar xzOf -; cat x.tgz | tar tz; gzip -dc x.tgz | tar t; tar caf y.tar.gz d; gzip -t y.tar.gz; echo $?; rm x.tgz y.tar.gz
tar cf x.tar -C d a.txt -C s c.txt; tar tf x.tar; tar cf x.tar -C d a.txt -C .. words; tar tf x.tar; rm x.tar
tar cf x.tar words; echo new > words; tar xkf x.tar; echo $?; cat words; tar xf x.tar; cat words; rm words; ln -s numbers words; tar xf x.tar; ls -l words | cut -c1; rm x.tar
tar cf x.tar link dangling d/slink; tar chf y.tar link; tar tvf x.tar | tr -s ' ' | cut -d' ' -f1,6-; tar tvf y.tar | cut -c1; mkdir o; tar xf x.tar -C o; rm x.tar y.tar
tar cf x.tar "$PWD/words" 2>/dev/null; tar tf x.tar | tail -c 6; cd d; tar cf ../x.tar ../words 2>/dev/null; tar tf ../x.tar; rm ../x.tar
tar cf x.tar --no-recursion d; tar tf x.tar; tar xmf x.tar; tar cf x.tar d; tar tf x.tar --wildcards '*.txt' | sort; tar tf x.tar d/s/ | sort; tar xf x.tar --exclude=d/s; rm x.tar
ln -s /tmp abs; ln -s ../.. up; tar cf x.tar abs up; mkdir o; tar xf x.tar -C o; readlink o/abs o/up; rm x.tar
mkfifo p; tar cf x.tar p; rm p; tar xf x.tar; test -p p; echo $?; rm p x.tar
mkdir n; i=0; while [ $i -lt 12 ]; do n=abcdefghijkl/$n; i=$((i+1)); done; mkdir -p "$n"; echo x > "$n/a-file-with-a-long-name"; tar cf x.tar abcdefghijkl; rm -r abcdefghijkl; tar xf x.tar; rm x.tar
tar -J -cf x.tar.xz words 2>/dev/null; rm -f x.tar.xz; tar cfz x.tgz words; tar tfz x.tgz; rm x.tgz; tar --create --file=x.tar --gzip words; tar --extract --file x.tar --directory d; rm x.tar
mkdir e; chmod 555 e; tar cf x.tar e; rmdir e; tar xf x.tar; stat -c %a e; rm x.tar; mkdir -p f/g; touch f/g/h; chmod 500 f/g; tar cf x.tar f; chmod 700 f/g; rm -r f; tar xf x.tar; stat -c %a f/g; chmod 700 f/g; rm x.tar
gzip words; gunzip words.gz; cat words; gzip -k words; zcat words.gz; gzip -dc words.gz; gzip -d words.gz; echo $?; gzip -df words.gz; ls -l words | cut -c1-10
gzip -c words > w.gz; gunzip -c w.gz; gunzip < w.gz; cat w.gz w.gz | zcat; gzip -t w.gz; echo $?; gzip -t words; echo $?; gunzip words; echo $?; gzip nosuch; echo $?; gzip d; echo $?; rm w.gz
gzip -9 < words | gzip -d; gzip -n9 words; gzip -l nosuch 2>/dev/null; gunzip words; gzip words.gz 2>/dev/null; gzip -cn words | gunzip | wc -c; gzip --best --keep words; zcat -f words.gz numbers; rm words.gz
printf x | gzip | head -c 5 | gunzip; echo $?; echo notgzip | gunzip; echo $?; touch w.gz; gzip words w.gz; ls; rm words.gz
echo hi > a.tgz; gzip -c words > b.tgz; gunzip b.tgz; ls b*; rm b*
