package main

import (
	"encoding/json"
	"strings"
)

// call asks the platform: the addresses that it hands out are absolute, and are asked for at the target, as
// behind a proxy.
func (v *viewer) call(method, path, token, body string) answer {
	got := v.client.call(method, pathOf(path), token, body)
	v.figures.asked(got)
	return got
}

// document asks for a document of the session's own; kind is playlist, mpd or steering.
func (v *viewer) document(kind, address string) answer {
	askedS := v.now()
	got := v.call("GET", address, "", "")
	v.counted(kind, got)
	if askedS >= v.plan.PlateauAtS && askedS < v.plan.WhistleAtS {
		v.figures.took("plateau_ms", got.took)
	}
	return got
}

// media asks a CDN, at the address as it is; kind is media_playlist or segment.
func (v *viewer) media(kind, address string) answer {
	client, err := v.clients.of(address)
	if err != nil {
		v.figures.count("broken")
		return answer{}
	}
	got := client.call("GET", pathOf(address), "", "")
	v.figures.asked(got)
	v.counted(kind, got)
	return got
}

func (v *viewer) counted(kind string, got answer) {
	v.figures.count(kind + "s")
	v.figures.took(kind+"_ms", got.took)
	if got.status != 200 {
		v.figures.count(kind + "s_failed")
	}
}

func (v *viewer) read(got answer, into any) bool {
	err := json.Unmarshal(got.body, into)
	if err != nil {
		v.figures.count("broken")
	}
	return err == nil
}

// pathOf leaves scheme and host away.
func pathOf(address string) string {
	if _, after, found := strings.Cut(address, "://"); found {
		if slash := strings.IndexByte(after, '/'); slash >= 0 {
			return after[slash:]
		}
	}
	return address
}
