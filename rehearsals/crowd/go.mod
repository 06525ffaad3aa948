module tifo/rehearsals/crowd

go 1.23
