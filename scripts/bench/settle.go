package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// settle writes what is dirty to the disk, and waits until the processors are idle: for three looks in a row, or for as long
// as -calm says where somebody else is at work and stays.
func (b *bench) settle() {
	unix.Sync()
	calm := 0
	busy, idle := processors()
	for end := time.Now().Add(b.calm); calm < 3 && time.Now().Before(end); {
		time.Sleep(60 * time.Millisecond)
		nowBusy, nowIdle := processors()
		if (nowBusy-busy)*10 <= nowIdle-idle+nowBusy-busy { // at most a tenth
			calm++
		} else {
			calm = 0
		}
		busy, idle = nowBusy, nowIdle
	}
}

// processors gives the time that all of them were busy and idle, in ticks.
func processors() (busy, idle int64) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 1
	}
	var user, nice, system, none, wait, irq, soft, steal int64
	fmt.Sscanf(string(stat), "cpu %d %d %d %d %d %d %d %d", &user, &nice, &system, &none, &wait, &irq, &soft, &steal)
	return user + nice + system + irq + soft + steal, none + wait
}
