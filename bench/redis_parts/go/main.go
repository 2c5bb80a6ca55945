// A closed loop over the Redis cache of the Go registry, to be set beside ours.
//
//	go-registry-cache ADDRESS TASKS SECONDS [ping]
//
// Every task asks for the repository-scoped Stat of the next layer as soon as it
// was answered; that is what the registry does for a HEAD of a blob. The data
// must be there: the same layers that the Python contenders ask for. With `ping`
// the pool tests each connection that is borrowed, as the one that the registry
// makes does (registry/handlers/app.go). Prints one line of JSON.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/docker/distribution"
	"github.com/docker/distribution/registry/storage/cache/redis"
	redigo "github.com/garyburd/redigo/redis"
	"github.com/opencontainers/go-digest"
)

const (
	layers       = 10000
	repositories = 200
	sampled      = 8
	connections  = 64 // the registry's documented example of a pool
	warm         = 300 * time.Millisecond
)

type layer struct {
	dgst    digest.Digest
	statter distribution.BlobDescriptorService
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func cpu() float64 {
	var used syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(used.Utime) + seconds(used.Stime)
}

func known(address string, isPinging bool) []layer {
	pool := &redigo.Pool{
		Dial:      func() (redigo.Conn, error) { return redigo.Dial("tcp", address) },
		MaxIdle:   connections,
		MaxActive: connections,
		Wait:      true,
	}
	if isPinging {
		pool.TestOnBorrow = func(connection redigo.Conn, _ time.Time) error {
			_, err := connection.Do("PING")
			return err
		}
	}
	provider := redis.NewRedisBlobDescriptorCacheProvider(pool)
	all := make([]layer, layers)
	for i := range all {
		statter, err := provider.RepositoryScoped(fmt.Sprintf("library/app-%03d", i%repositories))
		must(err)
		sum := sha256.Sum256([]byte(fmt.Sprintf("layer-%d", i)))
		all[i] = layer{digest.Digest(fmt.Sprintf("sha256:%x", sum)), statter}
	}
	return all
}

func main() {
	tasks, err := strconv.Atoi(os.Args[2])
	must(err)
	seconds, err := strconv.ParseFloat(os.Args[3], 64)
	must(err)
	all := known(os.Args[1], len(os.Args) > 4)

	var phase int32 // 0 warming up, 1 measuring, 2 over
	var group sync.WaitGroup
	answers := make([]int, tasks)
	latencies := make([][]int64, tasks)
	for task := 0; task < tasks; task++ {
		group.Add(1)
		go func(task int) {
			defer group.Done()
			for i := task * 9973; ; i++ {
				now := atomic.LoadInt32(&phase)
				if now == 2 {
					return
				}
				asked := all[i%layers]
				begin := time.Now()
				found, err := asked.statter.Stat(context.Background(), asked.dgst)
				must(err)
				if found.Size != int64(1000000+i%layers) {
					panic(found)
				}
				if now == 1 {
					answers[task]++
					if answers[task]%sampled == 0 {
						latencies[task] = append(latencies[task], int64(time.Since(begin)))
					}
				}
			}
		}(task)
	}
	time.Sleep(warm)
	begin, used := time.Now(), cpu()
	atomic.StoreInt32(&phase, 1)
	time.Sleep(time.Duration(seconds * float64(time.Second)))
	atomic.StoreInt32(&phase, 2)
	elapsed, used := time.Since(begin).Seconds(), cpu()-used
	group.Wait()

	total, ordered := 0, []int64{}
	for task := range answers {
		total += answers[task]
		ordered = append(ordered, latencies[task]...)
	}
	sort.Slice(ordered, func(a, b int) bool { return ordered[a] < ordered[b] })
	must(json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"rate": float64(total) / elapsed,
		"cpu":  used / float64(total) * 1e6,
		"p50":  float64(ordered[len(ordered)/2]) / 1e3,
		"p99":  float64(ordered[len(ordered)*99/100]) / 1e3,
	}))
}
