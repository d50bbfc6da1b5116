// Package fetch gets what a build takes from elsewhere: files by HTTP, and trees out of Git repositories, as build
// contexts and for ADD.
//
// What has come once is kept in a folder of the state folder: files by their digest, with the ETag under which the
// server will say that they are the same still; repositories as bare clones that are added to. A tree is checked out
// of them anew for each build. Several builds may use the folder at once. What no build has asked for in 60 days is
// removed by the next one that fetches something:
//
//	DIR/files/ALGORITHM-DIGEST  a file
//	DIR/files/url-KEY.json      what is known of a URL's file; its time is that of the last use
//	DIR/git/KEY.git             a bare clone
//	DIR/git/KEY.git.lock        locked by who works on it; its time is that of the last use
//	DIR/in-use                  locked: shared by builds that fetch, alone by one that removes
//
// Nothing that comes is trusted. A file is only ever bytes. Git is the host's program, in an environment in which
// it reads no configuration of the user's or the system's, runs no hooks, asks for no passwords, takes no local
// repositories on a stranger's word, and has no keys but those of an agent that was given to the build.
//
// It does not fetch images: that is package remote's.
package fetch
