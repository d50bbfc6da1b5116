# One snippet a line, see differ_test.go.
true; echo $?; false; echo $?
env true && env false; echo $?; env nosuch; echo $?; env ./words; echo $?
env -i A=1 B=2 env | sort; A=1 env -u A env | grep -c ^A=; env A=1 sh -c 'echo $A'; env -i PATH="$PATH" X=y printenv X; env - PATH="$PATH" env | cut -d= -f1
env -C d ls; env -0 | tr '\0' '\n' | grep -c ^HOME=; env --ignore-environment A=b "$(command -v env)"; env --unset=HOME printenv HOME; env -x; echo $?; env -i
printenv HOME; printenv nosuch; echo $?; A=5 printenv A HOME
id -u; id -g; id -un; id -gn; id -G; id -nG; id root; id -u root; id nosuch; echo $?; id -Gn root; id; whoami; id -ur; groups | wc -w; id -n; id -x
uname; uname -s; uname -m; uname -r; uname -a; uname -sr; uname -n; uname -o; uname x; echo $?; arch; hostname; nproc; nproc --all
date -u -d @0; date -u -d @86399 +%F_%T; date -d '2024-05-06 07:08:09' '+%Y%m%d %H:%M:%S %j %a %A %b %B %e %u %w %y %C %I %p %Z %z %s %N %n%t%%'
date -u -d 2024-12-30 +'%G-W%V %U %W %D %F %T %R %r %c %x %X %h %k %l %P %q'; date -u -d @1.5 +%s.%N; date -u -d @5 +%3N; date -d 2024-01-02 '+%-d %-m %_d %_m %^a %:z'
date -u -r words; date -r words +%s; date -Iseconds -u -d @0; date -u -I -d @0; date --iso-8601=minutes -u -d @0; date -R -u -d @0; date --rfc-3339=seconds -u -d @0; date -d nonsense; echo $?; date +%Y x; echo $?
TZ=UTC date -d '2024-05-06T07:08:09Z' +%s; date -u -d '2024-05-06T07:08:09+0200' +%s; date -u --date='Mon, 06 May 2024 07:08:09 GMT' +%s; SOURCE_DATE_EPOCH=77; date -u -d "@$SOURCE_DATE_EPOCH" '+%Y-%m-%dT%H:%M:%SZ'
sleep 0; sleep 0.01; sleep x; echo $?; sleep; echo $?; sleep 0s 0m
timeout 5 true; echo $?; timeout 5 sh -c 'exit 3'; echo $?; timeout 0.1 sleep 5; echo $?; timeout -s KILL 0.1 sleep 5; echo $?; timeout 5 nosuch; echo $?; timeout; echo $?; timeout 1 ./words; echo $?
timeout -k 0.5 1 sh -c 'trap "" TERM; sleep 4 & wait; sleep 4'; echo $?; timeout --preserve-status 0.1 sleep 5; echo $?; timeout -s INT 0.1 sleep 5; echo $?; timeout 0 true; echo $?; echo hi | timeout 10 cat
echo a b c | xargs; echo a b c | xargs -n1; printf 'a b\nc\n' | xargs -I{} echo '<{}>'; printf 'a\0b c\0' | xargs -0 -n1 echo; printf '' | xargs echo x; printf '' | xargs -r echo x; printf 'a\nb\n' | xargs -L1 echo
echo "'a b' \"c d\" e\\ f" | xargs -n1 echo; echo a | xargs false; echo $?; echo a | xargs sh -c 'exit 255'; echo $?; echo a | xargs nosuch; echo $?; seq 5 | xargs -n2; echo a:b | xargs -d: -n1; seq 3 | xargs -n 1 -P 2 echo | sort
echo a | xargs -t echo 2>&1; echo x y | xargs -I % echo %-%; printf 'a b\n  c\n\nd\n' | xargs -I{} echo '[{}]'; echo a b | xargs -n1 -I{} echo '{}!'; printf '%s\n' 1 2 3 | xargs -L2 echo; xargs -a words -n2 echo; xargs --nosuch; echo $?
find d -name '*.txt' -print0 | sort -z | xargs -0 cat; find . -name '*.c' | xargs grep -l int; ls d | xargs -I{} cp d/{} . 2>/dev/null; echo "it's" | xargs; echo $?; echo a b c | xargs -s 20 -n 3 echo; seq 10 | xargs -n3 sh -c 'echo $0 $#'
which sh >/dev/null && echo yes; which nosuch; echo $?; which ./run; PATH=$PWD:$PATH which run
expr 1 + 2; expr 7 / 2 '*' 3; expr 7 % 3; expr 5 - 7; expr a = a; expr a '<' b; expr 10 '<' 9; echo $?; expr 0; echo $?; expr '' '|' x; expr 1 '&' 0; echo $?; expr \( 1 + 2 \) \* 3
expr abcdef : 'abc'; expr abcdef : 'a\(.*\)e'; expr abc : x; echo $?; expr length hello; expr substr hello 2 3; expr index hello lo; expr match ab 'a.'; expr 1 +; echo $?; expr 1 / 0; echo $?; expr x + 1; echo $?; expr + length; expr -1 + 2
nohup true; echo $?; nohup nosuch; echo $?; nohup echo hi </dev/null 2>/dev/null; nohup sh -c 'kill -HUP $$; echo alive' 2>/dev/null
kill -l 9; kill -l 143; kill -0 $$; echo $?; kill 999999999; echo $?; env kill -l KILL; env kill -s 0 $$; echo $?; kill -s nosuch $$ || echo failed
pwd; cd d/slink; pwd; pwd -P; env pwd; env pwd -L; cd ..; pwd; tty </dev/null; tty -s </dev/null; echo $?; sync; echo $?
